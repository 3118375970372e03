"""The catalogue and its search: everything is found, and a wrong file says what to do."""

from datetime import date
from pathlib import Path

import pytest
from pypinyin import Style, lazy_pinyin

from routing.catalogue import Catalogue, load_catalogue
from routing.catalogue_file import CatalogueWrong
from tests.routing.letters import TODAY

BUILT_IN = load_catalogue(lambda: TODAY)
CODES = [department.code for department in BUILT_IN.departments()]


def spelled(name: str, style: Style) -> str:
    return "".join(lazy_pinyin(name, style=style))


@pytest.mark.parametrize("code", CODES)
def test_three_initials_of_a_name_or_alias_bring_a_department_near_the_top(code: str) -> None:
    department = BUILT_IN.get(code)
    assert department is not None
    first = {
        found.code
        for name in (department.name, *department.aliases)
        for found in BUILT_IN.search(spelled(name, Style.FIRST_LETTER)[:3], 3)
    }
    assert code in first


@pytest.mark.parametrize("code", CODES)
def test_initials_pinyin_name_alias_and_code_find_a_department(code: str) -> None:
    department = BUILT_IN.get(code)
    assert department is not None
    asked = [spelled(department.name, Style.FIRST_LETTER), spelled(department.name, Style.NORMAL)]
    for words in (*asked, code, department.name, *department.aliases):
        assert code in {found.code for found in BUILT_IN.search(words, 5)}, words


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("gaj", "gaj"),
        ("rsj", "rsj"),
        ("ＧＡＪ", "gaj"),
        ("人社", "rsj"),
        ("shichang", "scjg"),
        ("流动摊贩", "cgj"),
        ("自来水 停水", "swjt"),
        ("平房里 没有这种词", None),
        ("xqzz", None),
    ],
)
def test_search_ranks_what_people_type(words: str, first: str | None) -> None:
    found = BUILT_IN.search(words)
    assert (found[0].code if found else None) == first


def test_no_words_list_everything_in_order_and_the_limit_holds() -> None:
    assert [found.code for found in BUILT_IN.search("  ", 100)] == CODES
    assert len(BUILT_IN.search("", 7)) == 7
    assert BUILT_IN.search("gaj", 0) == ()
    assert BUILT_IN.search("局" * 100_000) == ()


def test_an_abolished_department_keeps_its_name_and_is_nowhere_offered() -> None:
    assert BUILT_IN.name("wgxj") == "文化广电新闻出版局"
    assert not BUILT_IN.knows("wgxj")
    assert "wgxj" not in CODES
    assert "wgxj" not in {found.code for found in BUILT_IN.search("文化广电", 50)}
    successor = BUILT_IN.current("wgxj")
    assert successor is not None
    assert successor.code == "wlj"
    earlier = load_catalogue(lambda: date(2019, 1, 31))
    assert earlier.knows("wgxj")


def test_unknown_codes() -> None:
    assert BUILT_IN.get("nobody") is None
    assert BUILT_IN.name("nobody") == "nobody"
    assert not BUILT_IN.knows("nobody")
    assert BUILT_IN.current("nobody") is None


def test_every_area_has_a_government(catalogue: Catalogue) -> None:
    for area in catalogue.areas.all(TODAY):
        government = catalogue.government(area.code)
        assert government is not None
        assert government.code == area.government
    assert catalogue.government("310100") is None


def test_thirty_departments_and_ten_governments() -> None:
    assert sum(not each.last_resort for each in BUILT_IN.departments()) >= 30
    assert sum(each.last_resort for each in BUILT_IN.departments()) == 10


def test_every_department_says_how_it_is_recognised() -> None:
    for department in BUILT_IN.departments():
        assert sum(map(len, department.keywords.values())) >= 5, department.code


def test_categories_are_the_branches_of_the_time_limits() -> None:
    assert {"城乡建设", "商贸旅游/市场监管"} <= set(BUILT_IN.categories)


GOOD = '[[department]]\ncode = "a"\nname = "甲局"\nduties = ["办事"]\n'


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("nickname = 1", r"department a: nickname: .*correct its spelling or remove it"),
        ('keywords.6 = ["词"]', r"department a: keywords\.6: .*smaller number"),
        ('keywords.0 = ["词"]', r"department a: keywords\.0: .*from 1 to 5"),
        ('keywords.5 = [""]', r"department a: keywords\.5\.0: .*at least one character"),
        ('keywords.5 = ["词"]\nkeywords.4 = ["词"]', r"a: keywords: 词 has 2 weights — keep one"),
        ('categories = ["无"]', r"department a: categories: no category 无"),
        ('areas = ["320599"]', r"department a: areas: no area 320599"),
        ("last_resort = true", r"department a: areas: a government of last resort needs"),
        ('successor = "b"', r"department a: successor: the department is not abolished"),
        ('abolished_on = 2020-01-01\nsuccessor = "b"', r"successor: b leads to no department"),
        ('abolished_on = 2020-01-01\nsuccessor = "a"', r"successor: a leads to no department"),
        ('limits = [{ words = ["词"], to = "b", text = "某" }]', r"limits\.to: b is no other"),
        ('limits = [{ words = [], to = "b", text = "某" }]', r"limits\.0\.words: .*one entry"),
        ('[[department]]\ncode = "b"\nduties = ["x"]', r"department b: name: .*add it"),
        ('[[department]]\nname = "乙局"', r"department number 2: code: .*add it"),
        (
            '[[department]]\ncode = "乙"\nname = "乙"\nduties = ["x"]',
            r"department 乙: code: .*ASCII",
        ),
        (GOOD, r"department a: code: stands there 2 times — keep one"),
        ("name = ", r"is not TOML: .*correct that place"),
    ],
)
def test_a_wrong_file_is_refused_with_entry_key_and_remedy(
    added: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "departments.toml"
    file.write_text(GOOD + added, encoding="utf-8")
    with pytest.raises(CatalogueWrong, match=message) as refused:
        load_catalogue(lambda: TODAY, departments=file)
    assert str(refused.value).startswith("departments.toml: ")


def test_an_absent_or_binary_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "departments.toml"
    with pytest.raises(CatalogueWrong, match="cannot be read"):
        load_catalogue(lambda: TODAY, departments=file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogueWrong, match="cannot be read as UTF-8"):
        load_catalogue(lambda: TODAY, departments=file)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "departments.toml"
    file.write_text(GOOD + 'areas = ["320599"]\ncategories = ["无"]', encoding="utf-8")
    with pytest.raises(CatalogueWrong) as refused:
        load_catalogue(lambda: TODAY, departments=file)
    assert len(refused.value.problems) == 2
