"""The hub's own key: query codes, phone digests, sealed personal data."""

import os
import secrets
from pathlib import Path


def secret_key(home: Path) -> bytes:
    """The key of the hub in `home`, made on first use, readable by its owner only.

    Raises: OSError when the folder cannot be written.
    """
    file = home / "secret.key"
    try:
        return bytes.fromhex(file.read_text().strip())
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
    fresh = home / f".secret.{os.getpid()}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(secrets.token_hex(32))
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(fresh, file)  # the first process wins; nobody ever overwrites the key
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return bytes.fromhex(file.read_text().strip())
