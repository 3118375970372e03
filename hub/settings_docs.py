"""docs/settings.md, written from the settings and the dialects' own."""

from datetime import time
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connectors import registry
from hub.settings import Settings
from hub.settings_problems import PREFIX
from hub.settings_sections import Section

_HEAD = """# Settings

Generated from `hub/settings.py` and the dialects' `Settings` by `hub.settings_docs.page()`; do not
edit. `SUTONG_*` variables win over `sutong.toml`, which wins over these defaults; an unknown
variable or key is refused. The file is `$SUTONG_CONFIG`, else `sutong.toml` in `$SUTONG_HOME`, else
in the working folder. In a variable a dot is two underscores: `clocks.warn_share` is
`SUTONG_CLOCKS__WARN_SHARE`. `sutong check --example` prints a commented file, and `sutong check`
says what is wrong with yours.
"""
_COLUMNS = "| setting | default | what it is |\n|---|---|---|"


def page() -> str:
    """The whole page."""
    plain, sections = [], []
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            sections.append(_section(name, type(field.default)))
        elif name != "peers":
            plain.append(_row(name, field, f" (`{PREFIX}{name.upper()}`)"))
    blocks = [_HEAD, "## The hub\n", "\n".join([_COLUMNS, *plain]), *sections, _peers()]
    return "\n".join(blocks) + "\n"


def _section(name: str, section: type[Section]) -> str:
    rows = [_row(f"{name}.{key}", field) for key, field in section.model_fields.items()]
    title = (section.__doc__ or "").strip()
    return "\n".join([f"\n## [{name}]\n", f"{title}\n", _COLUMNS, *rows])


def _peers() -> str:
    """The keys that each dialect asks for."""
    blocks = [
        "\n## [peers.NAME]\n",
        "One section a peer: `dialect`, and what the dialect asks for. Secrets are better kept",
        "in the environment: `SUTONG_PEERS` takes `peers` as JSON and is merged over the file's.",
    ]
    for name in registry.names():
        fields = registry.dialect(name).settings.model_fields
        rows = [_row(f"peers.NAME.{key}", field) for key, field in fields.items()]
        heading = f'\n### dialect = "{name}"\n'
        facts = f"Its interface: `connectors/{name}/README.md`.\n"
        blocks += [heading, facts, _COLUMNS, *rows]
    return "\n".join(blocks)


def _row(name: str, field: FieldInfo, note: str = "") -> str:
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `{name}`{note} | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    default: Any = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        return "needed"
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None or default == "" or default in ({}, ()):
        return "-"
    if isinstance(default, time):
        return f"`{default:%H:%M}`"
    if isinstance(default, tuple):
        return f"`{list(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
