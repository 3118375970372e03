"""A commented sutong.toml, written from the settings themselves."""

from datetime import time
from typing import Any

from pydantic import SecretStr

from hub.settings import Section, Settings


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
    lines += ["", "# [peers.<name>]  # one section a peer; see connectors/<dialect>/README.md"]
    lines += ["# dialect = ..."]
    return "\n".join(lines) + "\n"


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
    else:
        text = f'"{"" if default is None else default}"'
    return [f"# {name} = {text}" + (f"  # {description}" if description else "")]
