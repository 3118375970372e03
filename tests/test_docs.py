"""The docs are whole: what a reader may look up is there, and what they name exists."""

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from typer.main import get_command

import schemas.errors
from connectors import registry
from hub.cli.app import app
from hub.settings import Settings
from hub.settings_docs import page
from hub.settings_sections import Section
from schemas.ticket import State
from streams import tables, topic_docs, topics

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
DOCS += sorted((ROOT / "connectors").glob("*/README.md"))
TEXT = "\n".join(file.read_text(encoding="utf-8") for file in DOCS)

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
# a path from the root of the repository, as prose names it
_FILE = re.compile(
    r"(?:schemas|connectors|streams|routing|ticket_store|console|hub|docs|deploy|benchmarks|tests)"
    r"/[\w./-]*[\w/]"
)
# written by make, and never committed
_BUILT = ("console/static/vendor",)


def settings_names() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            yield from (f"{name}.{key}" for key in type(field.default).model_fields)
        elif name != "peers":
            yield name


def commands() -> Iterator[str]:
    def walk(command: object, words: tuple[str, ...]) -> Iterator[str]:
        below: dict[str, object] | None = getattr(command, "commands", None)
        if below is None:
            yield " ".join(words)
            return
        for name, one in below.items():
            yield from walk(one, (*words, name))

    return walk(get_command(app), ("sutong",))


def errors() -> Iterator[str]:
    for name, kind in inspect.getmembers(schemas.errors, inspect.isclass):
        if issubclass(kind, schemas.errors.HubError):
            yield name


def names_in(file: Path) -> Iterator[str]:
    """Files and folders of the repository that a page names in code marks."""
    prose = _FENCE.sub("", file.read_text(encoding="utf-8"))
    for code in _CODE.findall(prose):
        if (found := _FILE.fullmatch(code)) and not found.group().startswith(_BUILT):
            yield found.group()


def anchor_of(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@pytest.mark.parametrize("name", list(settings_names()))
def test_a_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/settings.md").read_text(encoding="utf-8")


def test_the_page_of_settings_is_that_of_the_code() -> None:
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == page(), (
        "python -c 'from hub.settings_docs import page; print(page(), end=\"\")' > docs/settings.md"
    )


def test_every_setting_says_what_it_is() -> None:
    models: list[type[BaseModel]] = [Settings]
    models += [registry.dialect(name).settings for name in registry.names()]
    models += [
        type(field.default)
        for field in Settings.model_fields.values()
        if isinstance(field.default, Section)
    ]
    silent = [
        f"{model.__module__}.{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not field.description and not isinstance(field.default, Section)
    ]
    assert silent == []


def test_the_page_of_topics_is_that_of_the_code() -> None:
    assert (ROOT / "docs/topics.md").read_text(encoding="utf-8") == topic_docs.page()


@pytest.mark.parametrize(
    "name", [spec.name for spec in topics.TOPICS] + [spec.name for spec in tables.TABLES]
)
def test_a_topic_or_table_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/topics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("state", State)
def test_a_state_is_documented(state: State) -> None:
    page = (ROOT / "docs/lifecycle.md").read_text(encoding="utf-8")
    assert re.search(rf"\b{state}\b", page)


@pytest.mark.parametrize("name", list(errors()))
def test_an_error_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/errors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", list(commands()))
def test_a_command_is_documented(command: str) -> None:
    assert re.search(rf"\b{command}\b", TEXT)


@pytest.mark.parametrize("file", DOCS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    dead = []
    for link in _LINK.findall(_FENCE.sub("", file.read_text(encoding="utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        if not target.exists():
            dead.append(link)
        elif anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            if anchor not in map(anchor_of, headings):
                dead.append(link)
    assert dead == []


@pytest.mark.parametrize("file", DOCS, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_that_are_named_exist(file: Path) -> None:
    missing = [
        name
        for name in names_in(file)
        if not (ROOT / name).exists() and not (ROOT / f"{name}.py").is_file()
    ]
    assert missing == []


# prose may name a command, or an option of it, without what must follow
_ONLY_NAMED = re.compile(r"Missing argument|requires an argument")


def command_lines(file: Path) -> Iterator[tuple[list[str], bool]]:
    """Each `sutong ...` line of a page as words, and whether it stands in a block, to be copied."""
    text = file.read_text(encoding="utf-8")
    prose = _FENCE.sub("", text)
    blocks = re.sub(r"\\\n\s*", " ", "\n".join(_FENCE.findall(text)))
    for code in _CODE.findall(prose):
        if code.startswith("sutong "):
            yield shlex.split(re.split(r"[<>|;&#]", code)[0]), False
    for line in blocks.splitlines():
        found = re.search(r"(?:^|[/\s;&])sutong ((?!\.)[a-z][^;&#|<>]*)", line)
        if found and not line.lstrip().startswith(("#", "systemctl", "u ", "createdb", "sutong:")):
            yield shlex.split(f"sutong {found[1]}"), True


def parse_problem(words: list[str]) -> str | None:
    """Why the command line would be refused; None when it parses. Nothing is run."""
    command: Any = get_command(app)
    context, rest = None, words[1:]
    try:
        while True:
            context = command.make_context(words[0], list(rest), parent=context)
            below = getattr(command, "commands", None)
            if below is None:
                return None
            left = [*context._protected_args, *context.args]
            if not left:
                return None  # a family is named
            if left[0] not in below:
                return f"no command {left[0]}"
            command, rest = below[left[0]], left[1:]
    except typer.Exit:
        return None
    except Exception as error:
        # typer's own errors; it brings its click along and does not name them
        if (say := getattr(error, "format_message", None)) is None:
            raise
        return str(say())


@pytest.mark.parametrize("file", DOCS, ids=lambda file: str(file.relative_to(ROOT)))
def test_command_lines_parse(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("notice-2027.toml", "FILE"):
        (tmp_path / name).touch()
    refused = {}
    for words, shown in command_lines(file):
        problem = parse_problem(words)
        if problem and (shown or not _ONLY_NAMED.search(problem)):
            refused[" ".join(words)] = problem
    assert refused == {}


def test_command_lines_are_found_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    found = [words for file in DOCS for words in command_lines(file)]
    assert len(found) > 40
    for wrong in ("sutong reply", "sutong replay --mesage 3", "sutong replay --message x"):
        assert parse_problem(wrong.split()) is not None, wrong
    page = tmp_path / "page.md"
    page.write_text(
        "`sutong replay` or\n```\nX=1 /opt/sutong audit verify && sutong check # no\n```\n"
    )
    assert list(command_lines(page)) == [
        (["sutong", "replay"], False),
        (["sutong", "audit", "verify"], True),
    ]
