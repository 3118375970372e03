"""The hub's own key: query codes, phone digests, sealed personal data."""

import os
import secrets
from pathlib import Path

from schemas.errors import HubError

_BYTES = 32


class KeyWrong(HubError):
    """The key file is not what the hub wrote. A new key would fit no query code given out."""


def secret_key(home: Path) -> bytes:
    """The key of the hub in `home`, made on first use, readable by its owner only.

    Raises: OSError when the folder cannot be written; KeyWrong for a file that is cut off.
    """
    file = home / "secret.key"
    try:
        return _read(file)
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
    fresh = home / f".secret.{os.getpid()}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(secrets.token_hex(_BYTES))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(fresh, file)  # the first process wins; nobody ever overwrites the key
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return _read(file)


def _read(file: Path) -> bytes:
    """An empty or short key would let anybody work out the query codes."""
    try:
        key = bytes.fromhex(file.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise KeyWrong(f"{file} is damaged: put back the one that was saved with the store")
    return key
