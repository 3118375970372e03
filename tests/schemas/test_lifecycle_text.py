"""docs/lifecycle.md says what the tables say. `make goldens` rewrites it."""

import os
from pathlib import Path

from schemas.lifecycle_text import BEGIN, END, lifecycle_markdown

DOC = Path(__file__).parents[2] / "docs" / "lifecycle.md"


def test_lifecycle_doc_is_the_table() -> None:
    text = DOC.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    written, after = rest.split(END)
    if os.environ.get("SUTONG_UPDATE_GOLDENS"):
        DOC.write_text(f"{before}{BEGIN}\n{lifecycle_markdown()}\n{END}{after}", encoding="utf-8")
        return
    assert written.strip() == lifecycle_markdown()
