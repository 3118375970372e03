"""Words by jieba's dictionary and ours."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from routing.catalogue_file import CatalogueWrong
from routing.segment import Segmenter


def test_own_words_stay_whole() -> None:
    segmenter = Segmenter(["苏州工业园区", "独墅湖"])
    segmenter.warm_up().join()
    words = segmenter.words("苏州工业园区独墅湖边有人飞线充电！！")
    assert {"苏州工业园区", "独墅湖", "飞线充电"} <= set(words)
    assert "！" not in words


def test_threads_that_come_before_it_is_built_get_the_same_words() -> None:
    segmenter = Segmenter()
    text = "小区门口的路灯坏了半个月"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(segmenter.words, [text] * 8))
    assert all(answer == answers[0] for answer in answers)
    assert "路灯" in answers[0]


@pytest.mark.parametrize("line", ["路灯", "路灯 many n", "路灯 3000 n extra"])
def test_a_broken_dictionary_line_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "own.txt"
    file.write_text(f"物业 10 n\n\n{line}\n", encoding="utf-8")
    with pytest.raises(CatalogueWrong, match=r"own\.txt: line 3: .*correct the line"):
        Segmenter(dictionary=file)


def test_importing_the_proposer_loads_no_dictionary() -> None:
    check = (
        "import sys, routing.proposer\n"
        "print(sorted({'jieba', 'pypinyin', 'sklearn'} & sys.modules.keys()))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
