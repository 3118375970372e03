"""Golden files: what a payload must become, beside the payload; `make goldens` rewrites them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel


def payload_files(test_file: str, *suffixes: str) -> list[Path]:
    """The payloads beside a test, in order. Raises: LookupError if there are none."""
    folder = Path(test_file).parent / "payloads"
    found = sorted(path for path in folder.iterdir() if path.suffix in suffixes)
    if not found:
        raise LookupError(f"no payloads in {folder.name}")
    return found


def assert_golden(values: Sequence[BaseModel], golden: Path) -> None:
    """Compare with the golden file; with SUTONG_UPDATE_GOLDENS=1 write it instead."""
    dumped = [value.model_dump(mode="json", exclude_none=True) for value in values]
    text = json.dumps(dumped, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    if os.environ.get("SUTONG_UPDATE_GOLDENS") == "1":
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text
