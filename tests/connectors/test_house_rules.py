"""Every connector has the same parts. A waiver has a reason, and a needless one fails."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from connectors import registry
from schemas.ticket import Source
from tests.connectors.outbounds import KINDS

ROOT = Path(__file__).resolve().parents[2]
PARTS = ["README.md", "client.py", "translate.py", "codes.py", "connector.py"]
WAIVED: dict[tuple[str, str], str] = {}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", registry.names())
def test_connector_has_its_parts(name: str, part: str) -> None:
    present = (ROOT / "connectors" / name / part).is_file()
    assert present != ((name, part) in WAIVED), "missing, or a waiver no longer needed"


@pytest.mark.parametrize("name", registry.names())
def test_dialect_is_a_source_and_names_only_events_of_ours(name: str) -> None:
    dialect = registry.dialect(name)
    assert Source(name)
    assert issubclass(dialect.settings, BaseModel)
    assert dialect.settings.model_config["extra"] == "forbid"
    assert dialect.settings.model_config["frozen"] is True


@pytest.mark.parametrize("name", registry.names())
def test_every_setting_is_in_the_readme_of_its_dialect(name: str) -> None:
    text = (ROOT / "connectors" / name / "README.md").read_text(encoding="utf-8")
    settings = registry.dialect(name).settings.model_fields
    assert [name for name in settings if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("name", registry.names())
def test_every_pushed_event_exists(name: str) -> None:
    codes = registry.event_kinds(name)
    assert codes <= set(KINDS)


@pytest.mark.parametrize("name", registry.names())
def test_readme_marks_what_is_assumed(name: str) -> None:
    text = (ROOT / "connectors" / name / "README.md").read_text(encoding="utf-8")
    assert re.search(r"\[A\]", text), "an interface without its document is assumed: say so"


@pytest.mark.parametrize("name", registry.names())
def test_every_payload_has_an_origin(name: str) -> None:
    folder = ROOT / "tests" / "connectors" / name / "payloads"
    origin = (folder / "ORIGIN.md").read_text(encoding="utf-8")
    assert any(word in origin for word in ("constructed", "recorded", "sample"))


def test_no_folder_is_left_out_of_the_registry() -> None:
    folders = {path.parent.name for path in (ROOT / "connectors").glob("*/connector.py")}
    assert folders == set(registry.names())
