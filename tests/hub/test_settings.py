"""Settings: a typo cannot hide, and every problem says where it stands."""

import tomllib
from pathlib import Path

import pytest

from connectors import registry
from hub.settings import Settings, SettingsWrong, load
from hub.settings_example import example
from hub.urls import url_problems
from streams.kafka.access import KafkaAccess
from tests.hub.commands import sutong


def uncommented(text: str) -> str:
    """The example as somebody leaves it who takes every `# ` off the settings."""
    lines = [line.removeprefix("# ") if " = " in line else line for line in text.splitlines()]
    return "\n".join(line for line in lines if "dialect =" not in line)


def test_the_example_uncommented_loads_and_says_the_defaults(home: Path) -> None:
    home.mkdir()
    defaults = load()
    printed = sutong("check", "--example")
    assert printed.code == 0
    for text in (printed.out, uncommented(printed.out)):
        (home / "sutong.toml").write_text(text)
        assert load() == defaults


def test_the_example_has_every_setting() -> None:
    told = tomllib.loads(uncommented(example()))
    for name, field in Settings.model_fields.items():
        if name != "peers":
            section = getattr(field.default, "model_fields_set", None)
            assert name in told, name
            if section is not None:
                assert set(told[name]) == set(type(field.default).model_fields)


def test_environment_over_file_over_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    (home / "sutong.toml").write_text("port = 1\nnode = 3\n[clocks]\nwarn_share = 0.5\n")
    monkeypatch.setenv("SUTONG_PORT", "2")
    monkeypatch.setenv("SUTONG_CLOCKS__TICK_SECONDS", "9")
    told = load(host="::1")
    assert (told.port, told.node, told.host) == (2, 3, "::1")
    assert (told.clocks.warn_share, told.clocks.tick_seconds) == (0.5, 9.0)


BROKEN_FILES = [
    (b"port = = 1", "line 1"),
    (b"prot = 1", "prot"),
    (b"[clocks]\ntick = 1", "clocks.tick"),
    (b"port = 99999", "port"),
    (b"\xff\xfe", "UTF-8"),
    (b"[peers]\ncity = 1", "peers.city"),
]


@pytest.mark.parametrize(("content", "named"), BROKEN_FILES)
def test_a_broken_file_is_named_with_its_place(home: Path, content: bytes, named: str) -> None:
    home.mkdir()
    file = home / "sutong.toml"
    file.write_bytes(content)
    ran = sutong("check", "--json")
    [finding] = ran.json["findings"]
    assert (ran.code, ran.json["ok"]) == (1, False)
    assert finding["part"] == "settings"
    assert named in finding["detail"]
    assert str(file) in finding["detail"]
    ended = sutong("audit", "verify")
    assert (ended.code, ended.out) == (2, "")
    assert named in ended.err


BROKEN_VARIABLES = [
    ("SUTONG_PROT", "1"),
    ("SUTONG_PORT", "many"),
    ("SUTONG_CONFIG", "nowhere.toml"),
    ("SUTONG_PEERS", "not JSON"),
    ("SUTONG_CLOCKS__TICK", "1"),
]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("name", "value"), BROKEN_VARIABLES)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    ran = sutong("migrate")
    assert (ran.code, ran.out) == (2, "")
    assert name.lower().removeprefix("sutong_").partition("__")[0] in ran.err.lower()


NOT_JSON = [
    ("SUTONG_PEERS", '{"NAME": {"dialect": "...", ...}}', "[peers.NAME]"),
    ("SUTONG_CLOCKS", '{"KEY": VALUE, ...}', "[clocks]"),
    ("SUTONG_DELIVERIES__WAITS_SECONDS", "[1, 2, ...]", "[deliveries]"),
]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("name", "shape", "section"), NOT_JSON)
def test_what_is_no_json_is_told_the_shape_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, shape: str, section: str
) -> None:
    monkeypatch.setenv(name, "hidden{")
    [problem] = sutong("check", "--json").json["findings"]
    assert problem["detail"].startswith(f"{name} in the environment: not JSON; write {shape}, or")
    assert section in problem["detail"]
    assert "hidden" not in problem["detail"]
    assert "EnvSettingsSource" not in sutong("migrate").err


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("value", ["[1]", '"city"', '{"city": 1}', '{"city": []}'])
def test_peers_that_are_no_table_are_told_the_shape(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SUTONG_PEERS", value)
    ran = sutong("migrate")
    [line] = [line for line in ran.err.splitlines() if line.startswith("  ")]
    assert ran.code == 2
    assert "in SUTONG_PEERS: a peer is a table of keys" in line
    assert '{"NAME": {"dialect": "...", ...}}' in line


def test_the_example_shows_every_dialect_with_what_its_keys_mean() -> None:
    lines = sutong("check", "--example").out.splitlines()
    for name in registry.names():
        block = lines[lines.index(f'## dialect = "{name}"') + 1 :]
        for key, field in registry.dialect(name).settings.model_fields.items():
            [line, *_] = [one for one in block if one.startswith(f"## {key} = ")]
            assert field.description
            assert line.endswith(field.description + " (needed)" * field.is_required())


@pytest.mark.usefixtures("home")
def test_every_problem_is_told_not_only_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTONG_PORT", "many")
    monkeypatch.setenv("SUTONG_NODE", "99")
    monkeypatch.setenv("SUTONG_PROT", "1")
    with pytest.raises(SettingsWrong) as caught:
        load()
    assert len(caught.value.problems) == 3


WRONG_URLS = [
    ("SUTONG_DATABASE_URL", "mysql://u:hidden@h/d", "'mysql'"),
    ("SUTONG_DATABASE_URL", "postgresql://u:hidden@h/d", "postgresql+asyncpg"),
    ("SUTONG_DATABASE_URL", "postgresql+asyncpg://u:hidden@h:port/d", "port"),
    ("SUTONG_DATABASE_URL", "tickets.db", "sqlite+aiosqlite"),
    ("SUTONG_DATABASE_URL", "sqlite+aiosqlite://", "no file"),
    ("SUTONG_BROKER_URL", "amqp://h", "'amqp'"),
    ("SUTONG_BROKER_URL", "sqlite://", "no file"),
    ("SUTONG_BROKER_URL", "kafka://h:x", "kafka://host:port"),
    ("SUTONG_BROKER_URL", "kafka://u:p@h", "section [kafka]"),
    ("SUTONG_BROKER_URL", "kafka://h/topic", "kafka://host:port"),
]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("name", "value", "said"), WRONG_URLS)
def test_a_url_that_nothing_speaks_is_refused_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    ran = sutong("run")
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "hidden" not in ran.err


def test_a_cluster_of_several_brokers_is_one_url() -> None:
    url = "kafka://one:9092;kafka://two"
    assert list(url_problems("sqlite+aiosqlite:////x.db", url)) == []
    assert KafkaAccess.of(url).servers == ("one:9092", "two:9092")


@pytest.mark.usefixtures("home")
def test_postgresql_without_its_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.urls.find_spec", lambda _name: None)
    monkeypatch.setenv("SUTONG_DATABASE_URL", "postgresql+asyncpg://u:pw@h/d")
    ran = sutong("migrate")
    assert ran.code == 2
    assert "sutong[postgresql]" in ran.err
