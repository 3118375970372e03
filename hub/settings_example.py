"""A commented sutong.toml, written from the settings themselves."""

from collections.abc import Mapping
from datetime import time
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connectors import registry
from hub.settings import Settings
from hub.settings_sections import Section


def example() -> str:
    """A commented sutong.toml with every setting and its default."""
    lines = ["# Sutong: every setting with its default. SUTONG_<NAME> in the environment wins.", ""]
    sections: list[tuple[str, Section]] = []
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            sections.append((name, field.default))
        elif name != "peers":
            lines += _example_line(name, field.default, field.description)
    for name, section in sections:
        lines += ["", f"[{name}]  # {(type(section).__doc__ or '').strip()}"]
        for key, field in type(section).model_fields.items():
            lines += _example_line(key, field.default, field.description)
    lines += [
        "",
        "# One section a peer, under a name of your own; below, what each dialect asks for.",
    ]
    for dialect in registry.names():
        lines += _dialect(dialect)
    return "\n".join(lines) + "\n"


def _dialect(name: str) -> list[str]:
    """Two marks a line: these are no defaults that could be switched on by taking one off."""
    lines = ["", f"## [peers.NAME]  # see connectors/{name}/README.md", f'## dialect = "{name}"']
    for key, field in registry.dialect(name).settings.model_fields.items():
        default = "..." if _default(field) is None else _default(field)
        [line] = _example_line(key, default, field.description)
        lines.append(f"#{line}" + (" (needed)" if field.is_required() else ""))
    return lines


def _default(field: FieldInfo) -> Any:
    default = field.get_default(call_default_factory=True, validated_data={})
    return None if default is PydanticUndefined else default


def _example_line(name: str, default: Any, description: str | None) -> list[str]:
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, bool):
        text = str(default).lower()
    elif isinstance(default, int | float):
        text = str(default)
    elif isinstance(default, tuple):
        text = str(list(default))
    elif isinstance(default, time):
        text = default.strftime("%H:%M:%S")
    elif isinstance(default, Mapping):
        text = "{}"
    else:
        text = f'"{"" if default is None else default}"'
    return [f"# {name} = {text}" + (f"  # {description}" if description else "")]
