"""The plain top-level names belong to this checkout, and everything they need is declared."""

import ast
import configparser
import importlib.metadata
import importlib.util
import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "connectors", "streams", "routing", "ticket_store", "console", "hub")
# read by people in a checkout; nothing looks for them at run time
NOT_SHIPPED = ("*.md",)


@pytest.fixture(scope="module")
def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(value: str) -> list[str]:
    return [line.strip() for line in value.splitlines() if line.strip()]


def name_of(requirement: str) -> str:
    """The distribution's name as PEP 503 normalises it."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def files_below(package: str) -> list[Path]:
    """What a package ships, without caches and what `make install` builds."""
    folder = ROOT / package
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "vendor" not in path.parts
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_name_resolves_to_this_checkout(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).resolve() == ROOT / package / "__init__.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_claims_the_name(package: str) -> None:
    owners = set(importlib.metadata.packages_distributions().get(package, []))
    assert owners == {"sutong"}, "run `make install`; delete a stale *.egg-info after a rename"


def test_all_seven_packages_are_listed_with_their_subpackages(
    setup_cfg: configparser.ConfigParser,
) -> None:
    listed = lines(setup_cfg["options.packages.find"]["include"])
    assert listed == [entry for name in PACKAGES for entry in (name, f"{name}.*")]
    assert tuple(setup_cfg["mypy"]["packages"].split(", ")) == PACKAGES
    assert tuple(lines(setup_cfg["importlinter"]["root_packages"])) == PACKAGES
    assert tuple(lines(setup_cfg["coverage:run"]["source"])) == PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_code_is_a_package(package: str) -> None:
    folders = {path.parent for path in files_below(package) if path.suffix == ".py"}
    bare = [folder for folder in folders if not (folder / "__init__.py").is_file()]
    assert bare == [], "find: skips a folder without __init__.py, and the wheel lacks it"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_data_file_is_declared(package: str, setup_cfg: configparser.ConfigParser) -> None:
    section = setup_cfg["options.package_data"]
    shipped = {
        found
        for pattern in lines(section.get(package, ""))
        for found in (ROOT / package).glob(pattern)
    }
    forgotten = [
        path.relative_to(ROOT).as_posix()
        for path in files_below(package)
        if path.suffix != ".py"
        and path not in shipped
        and not any(fnmatch(path.name, pattern) for pattern in NOT_SHIPPED)
    ]
    assert forgotten == [], "add a pattern to [options.package_data] in setup.cfg"


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("console_scripts", "sutong", "hub.cli:main"),
        ("faust.transports", "sqlite", "streams.embedded:Transport"),
    ],
)
def test_entry_point_is_installed_and_loads(group: str, name: str, value: str) -> None:
    (entry,) = importlib.metadata.entry_points(group=group, name=name)
    assert entry.value == value
    assert callable(entry.load())


def test_constraints_are_names_and_exact_versions() -> None:
    wrong = [
        line
        for line in lines((ROOT / "constraints.txt").read_text(encoding="utf-8"))
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)
    ]
    assert wrong == []


def test_every_requirement_is_pinned(setup_cfg: configparser.ConfigParser) -> None:
    pinned = {
        name_of(line) for line in lines((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    }
    wanted = lines(setup_cfg["options"]["install_requires"])
    for extra in setup_cfg["options.extras_require"].values():
        wanted += lines(extra)
    assert {name_of(requirement) for requirement in wanted} <= pinned


def test_every_import_of_another_distribution_is_required(
    setup_cfg: configparser.ConfigParser,
) -> None:
    wanted = {
        name_of(requirement)
        for requirement in [
            *lines(setup_cfg["options"]["install_requires"]),
            *lines(setup_cfg["options.extras_require"]["postgresql"]),
        ]
    }
    # faust is built on mode, and types its services with it; both come in one requirement
    wanted |= {"mode-streaming"}
    owners = importlib.metadata.packages_distributions()
    undeclared = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for name in imported_names(path):
                for owner in owners.get(name, []):
                    if owner != "sutong" and name_of(owner) not in wanted:
                        undeclared.add((path.relative_to(ROOT).as_posix(), name))
    assert undeclared == set()


def imported_names(path: Path) -> set[str]:
    """Top-level names of absolute imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def test_npm_lock_carries_hashes_but_no_addresses() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
