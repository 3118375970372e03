"""Rules of CONTRIBUTING.md that a machine can hold, over every file of the repository."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from deploy import private_data
from deploy.assets import build

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "connectors", "streams", "routing", "ticket_store", "console", "hub")
MOST_LINES = 300
# path -> why it is one purpose all the same; a needless waiver fails
LONG_WITH_REASON: dict[str, str] = {
    "schemas/commands.py": "a vocabulary: one small class an action, read as one list",
    "schemas/events.py": "a vocabulary: one small class an event, read as one list",
    "hub/demo/wording.py": "a vocabulary: what the people of the demonstration say, in lists",
}
VAGUE_NAMES = {"utils", "helpers", "common", "misc", "manager"}
PURE = ("connectors/*/translate.py", "connectors/*/codes.py")
PURE_FILES = ("routing/choose.py", "schemas/lifecycle.py")

# put together from halves, so that this file passes its own tests
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:" + "work|tmp|root|home|Users" + r")/\w")
REGISTRY_HOSTS = re.compile(
    r"\b(?:" + "|".join(["pypi", "pythonhosted", "npmjs", "npmmirror", "maven"]) + r")"
    r"(?:\.[a-z]+)*\.(?:org|com)\b(?!/POM)"
)
SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(.*)")
SUPPRESSION_WITH_REASON = re.compile(
    r"(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[\w-]+(?:,\s*[\w-]+)*\])\W+\w.{2}"
)
OPEN_END = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b(?!\(?#\d+)")

# what the strict Content-Security-Policy blocks, and what htmx ignores under allowEval:false
FORBIDDEN_IN_TEMPLATES = {
    "a style attribute": re.compile(r"\sstyle\s*="),
    "a style element": re.compile(r"<style\b"),
    "hx-on": re.compile(r"\s(?:data-)?hx-on\b"),
    "an hx-trigger filter": re.compile(r"hx-trigger\s*=\s*(?:\"[^\"]*\[|'[^']*\[)"),
    "an inline event handler": re.compile(r"\son[a-z]+\s*=\s*[\"']"),
    "an inline script": re.compile(r"<script\b(?![^>]*\ssrc=)"),
    "a javascript: address": re.compile(r"[\"']\s*javascript:", re.IGNORECASE),
    "an asset from elsewhere": re.compile(r"<(?:script|link|img)\b[^>]*[\"'](?:https?:)?//"),
}


def repository_files() -> list[Path]:
    """Every file that git holds or would add; without git, all but hidden and built folders."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],  # noqa: S607  git is where the PATH says
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    built = {"node_modules", "vendor", "__pycache__", "sutong.egg-info", "artefacts"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and not built & set(path.relative_to(ROOT).parts)
        and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]


FILES = repository_files()
PYTHON = [path for path in FILES if path.suffix == ".py"]
PACKAGED = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in PACKAGES]


def text_of(path: Path) -> str:
    """The file as text; empty for one that is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def places(files: list[Path], shape: re.Pattern[str]) -> list[str]:
    """file:line of every line in which `shape` is found."""
    return [
        f"{path.relative_to(ROOT).as_posix()}:{number}"
        for path in files
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if shape.search(line)
    ]


def test_no_personal_data_and_no_keys() -> None:
    found = [sentence for path in FILES for sentence in private_data.in_file(path)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("call 139" + "12345678 today", "mobile"),
        ("+86 139" + "12345678", "mobile"),
        ("CDR_139" + "12345678.csv", "mobile"),
        ("id 110101" + "19900307" + "7715", "ID number"),
        ("-----BEGIN RSA " + "PRIVATE KEY-----", "private key"),
        ("AKIA" + "ABCDEFGHIJKLMNOP", "access key"),
    ],
)
def test_private_data_is_recognised(text: str, kind: str) -> None:
    ((number, what),) = private_data.findings("first line\n" + text)
    assert number == 2
    assert kind in what


@pytest.mark.parametrize(
    "text",
    [
        "138" + "00001234",
        "id 110101" + "19900307" + "7716",
        "id 001101" + "19900307" + "771X",
        "sha 4f139" + "12345678ab",
        "0.139" + "12345678",
        "2026" + "139" + "12345678",
    ],
)
def test_made_up_data_and_other_numbers_are_left_alone(text: str) -> None:
    assert private_data.findings(text) == []


def test_no_path_of_one_machine() -> None:
    assert places(FILES, MACHINE_PATH) == []


def test_no_registry_host() -> None:
    assert places(FILES, REGISTRY_HOSTS) == []


def test_no_open_ends() -> None:
    assert places(PYTHON, OPEN_END) == []


def test_suppressions_name_a_code_and_a_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT).as_posix()}:{number}"
        for path in PYTHON
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        for found in [SUPPRESSION.search(line)]
        if found and not SUPPRESSION_WITH_REASON.match(found[1].lstrip()) and '"' not in found[1]
    ]
    assert bare == []


@pytest.mark.parametrize("what", FORBIDDEN_IN_TEMPLATES)
def test_templates_keep_to_the_content_security_policy(what: str) -> None:
    templates = [path for path in FILES if path.suffix == ".html"]
    shape = FORBIDDEN_IN_TEMPLATES[what]
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{text_of(path).count(chr(10), 0, match.start()) + 1}"
        for path in templates
        for match in shape.finditer(text_of(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "html"),
    [
        ("a style attribute", '<p style="color:red">'),
        ("a style element", "<style>p{}</style>"),
        ("hx-on", '<p hx-on:click="go()">'),
        ("hx-on", '<p data-hx-on="click: go()">'),
        ("an hx-trigger filter", "<p hx-trigger=\"keyup[key=='Enter']\">"),
        ("an inline event handler", '<p onclick="go()">'),
        ("an inline script", "<script>go()</script>"),
        ("an inline script", '<script type="module">go()</script>'),
        ("a javascript: address", '<a href="javascript:go()">'),
        ("an asset from elsewhere", '<script defer src="//cdn.example/x.js"></script>'),
    ],
)
def test_template_rule_recognises_what_it_forbids(what: str, html: str) -> None:
    assert FORBIDDEN_IN_TEMPLATES[what].search(html)


def test_plain_template_breaks_no_rule() -> None:
    html = (
        '<script defer src="/static/vendor/htmx.min.js"></script>'
        '<p class="x" data-style="y" hx-trigger="live:board from:body throttle:2s">'
        '<input name="options[]" hx-get="/x"><a href="https://example.org/">x</a>'
    )
    broken = [what for what, shape in FORBIDDEN_IN_TEMPLATES.items() if shape.search(html)]
    assert broken == []


def test_every_icon_in_a_template_is_in_the_sprite() -> None:
    call = re.compile(r"\bicon\(\s*['\"]([a-z0-9-]+)['\"]")
    used = {
        name for path in FILES if path.suffix == ".html" for name in call.findall(text_of(path))
    }
    assert used <= set(build.icon_names()), "add the name to deploy/assets/icons.txt"


def test_icon_list_is_sorted_and_without_repeats() -> None:
    names = build.icon_names()
    assert names == sorted(set(names))


def test_sprite_symbol_keeps_the_drawing_and_drops_the_frame() -> None:
    svg = '<svg width="24"><path stroke="none" d="M0 0h24v24H0z"/>\n  <path d="M1 1" />\n</svg>'
    symbol = build.symbol("pin", svg)
    assert symbol.startswith('<symbol id="pin" viewBox="0 0 24 24"')
    assert symbol.endswith('<path d="M1 1" /></symbol>')
    assert "M0 0h24" not in symbol
    with pytest.raises(build.BuildFailed, match="pin"):
        build.symbol("pin", "not a picture")


def test_files_have_one_purpose() -> None:
    long = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGED
        if len(text_of(path).splitlines()) > MOST_LINES
    }
    assert long - set(LONG_WITH_REASON) == set(), "split by purpose, not by size"
    assert set(LONG_WITH_REASON) - long == set(), "a waiver is no longer needed"


def test_module_names_say_something() -> None:
    assert [path for path in PYTHON if path.stem in VAGUE_NAMES] == []


def test_init_files_hold_a_docstring_and_re_exports() -> None:
    more = []
    for path in PACKAGED:
        if path.name != "__init__.py":
            continue
        tree = ast.parse(text_of(path))
        if not ast.get_docstring(tree):
            more.append(f"{path.relative_to(ROOT).as_posix()}: no docstring")
        more += [
            f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
            for node in tree.body[1:]
            if not isinstance(node, ast.Import | ast.ImportFrom)
            and not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        ]
    assert more == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in PACKAGED
        if not ast.get_docstring(ast.parse(text_of(path)))
    ]
    assert silent == []


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in PYTHON if path.relative_to(ROOT).parts[0] == "tests"}
    bare = [folder for folder in folders if not (folder / "__init__.py").is_file()]
    assert bare == [], "without it, `import connectors` means the tests"


def test_pure_modules_read_no_clock() -> None:
    files = [path for pattern in PURE for path in ROOT.glob(pattern)]
    files += [ROOT / name for name in PURE_FILES if (ROOT / name).is_file()]
    reads = [
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
        for path in files
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
    ]
    assert reads == [], "the clock is an argument"


def test_changelog_fragments_are_named_by_kind_and_hold_one_paragraph() -> None:
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    assert fragments
    for path in fragments:
        assert re.fullmatch(r"[a-z0-9-]+\.(?:feature|fix|breaking|security)\.md", path.name)
        assert len(path.read_text(encoding="utf-8").strip().splitlines()) == 1, path.name
