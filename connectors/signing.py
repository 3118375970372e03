"""Request signatures, both ways: ours on what we send, theirs on what we receive. Pure.

Two profiles. `standard`: HMAC (SHA-256 or SM3) over method, path, query, key, time, nonce and body
digest; 300 s of clock error; a nonce is taken once. `weak`: what real city platforms ask for,
sha1(appKey + appSecret + timestamp), one hour of clock error, nothing about the body and no nonce;
for peers that know no better, and only over TLS.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from schemas.errors import CredentialRefused, StoreBusy

WINDOW = timedelta(seconds=300)
WEAK_WINDOW = timedelta(hours=1)
_MILLISECONDS_DIGITS = 13
_SHORTEST_NONCE, _LONGEST_NONCE = 8, 64


class Profile(StrEnum):
    HMAC_SHA256 = "hmac-sha256"
    HMAC_SM3 = "hmac-sm3"
    WEAK = "weak"


_HASHES: Mapping[Profile, type[hashes.SHA256 | hashes.SM3]] = {
    Profile.HMAC_SHA256: hashes.SHA256,
    Profile.HMAC_SM3: hashes.SM3,
}


@dataclass(frozen=True)
class Signed:
    """What a signature is about. path: as the called side sees it, with its leading slash."""

    method: str
    path: str
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Keys:
    """One direction's application key and secret."""

    app_key: str
    secret: str = field(repr=False)
    profile: Profile = Profile.HMAC_SHA256


class NonceMemory(Protocol):
    """Remembers nonces for the whole window, also over processes if several receive."""

    def first_time(self, app_key: str, nonce: str, now: datetime, until: datetime) -> bool:
        """Take the nonce; False when it was taken before. Raises: StoreBusy when none fits."""


class RecentNonces:
    """Nonces of one process. Full of live ones it refuses (StoreBusy) rather than forget one."""

    def __init__(self, most: int = 200_000) -> None:
        self._most = most
        self._until: dict[tuple[str, str], datetime] = {}

    def first_time(self, app_key: str, nonce: str, now: datetime, until: datetime) -> bool:
        key = (app_key, nonce)
        if (known := self._until.get(key)) is not None and known >= now:
            return False
        if len(self._until) >= self._most:
            self._until = {k: end for k, end in self._until.items() if end >= now}
            if len(self._until) >= self._most:
                raise StoreBusy("more signed calls than nonces can be remembered")
        self._until[key] = until
        return True

    def __len__(self) -> int:
        return len(self._until)


def sign(keys: Keys, signed: Signed, at: datetime, nonce: str) -> dict[str, str]:
    """The headers that sign a request.

    nonce: 8 to 64 characters, never used before with this key; the weak profile has none.
    """
    if keys.profile is Profile.WEAK:
        timestamp = str(int(at.timestamp() * 1000))
        return {
            "appKey": keys.app_key,
            "timestamp": timestamp,
            "signature": _weak_signature(keys, timestamp),
        }
    timestamp = str(int(at.timestamp()))
    digest = _digest(keys.profile, signed.body)
    return {
        "X-App-Key": keys.app_key,
        "X-Timestamp": timestamp,
        "X-Nonce": nonce,
        "X-Body-Digest": digest,
        "X-Signature": _signature(keys, signed, timestamp, nonce, digest),
    }


def verify(
    name: str,
    keys: Keys,
    signed: Signed,
    headers: Mapping[str, str],
    now: datetime,
    nonces: NonceMemory,
) -> None:
    """Return when the request was signed with `keys`, in time and for the first time.

    headers: names in lower case. The nonce is taken last, so that nobody without the secret can
    fill the memory.
    Raises: CredentialRefused; StoreBusy when the nonce cannot be remembered.
    """
    if keys.profile is Profile.WEAK:
        _verify_weak(name, keys, headers, now)
        return
    app_key, timestamp, nonce, digest, signature = (
        _header(name, headers, header)
        for header in ("x-app-key", "x-timestamp", "x-nonce", "x-body-digest", "x-signature")
    )
    if not _same(app_key, keys.app_key):
        raise CredentialRefused(name, "unknown application key", peer_code="app_key")
    at = _instant(name, timestamp, now, WINDOW)
    if not _SHORTEST_NONCE <= len(nonce) <= _LONGEST_NONCE:
        raise CredentialRefused(name, "nonce too short or too long", peer_code="nonce")
    if not _same(digest, _digest(keys.profile, signed.body)):
        raise CredentialRefused(name, "body digest does not fit", peer_code="digest")
    if not _same(signature, _signature(keys, signed, timestamp, nonce, digest)):
        raise CredentialRefused(name, "signature does not fit", peer_code="signature")
    if not nonces.first_time(app_key, nonce, now, at + WINDOW):
        raise CredentialRefused(name, "nonce was used before", peer_code="nonce")


def canonical(signed: Signed, app_key: str, timestamp: str, nonce: str, digest: str) -> str:
    """The text under the signature: eight lines, the query sorted and percent-encoded."""
    query = "&".join(f"{_quoted(k)}={_quoted(v)}" for k, v in sorted(signed.query.items()))
    lines = (signed.method.upper(), signed.path, query, app_key, timestamp, nonce, digest)
    return "\n".join(("SUTONG-1", *lines))


def _verify_weak(name: str, keys: Keys, headers: Mapping[str, str], now: datetime) -> None:
    app_key, timestamp, signature = (
        _header(name, headers, header) for header in ("appkey", "timestamp", "signature")
    )
    if not _same(app_key, keys.app_key):
        raise CredentialRefused(name, "unknown application key", peer_code="app_key")
    _instant(name, timestamp, now, WEAK_WINDOW)
    if not _same(signature.lower(), _weak_signature(keys, timestamp)):
        raise CredentialRefused(name, "signature does not fit", peer_code="signature")


def _weak_signature(keys: Keys, timestamp: str) -> str:
    text = keys.app_key + keys.secret + timestamp
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - the peer's profile asks for it


def _signature(keys: Keys, signed: Signed, timestamp: str, nonce: str, digest: str) -> str:
    mac = HMAC(keys.secret.encode(), _HASHES[keys.profile]())
    mac.update(canonical(signed, keys.app_key, timestamp, nonce, digest).encode())
    return mac.finalize().hex()


def _digest(profile: Profile, body: bytes) -> str:
    digest = hashes.Hash(_HASHES[profile]())
    digest.update(body)
    return digest.finalize().hex()


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")


def _same(theirs: str, ours: str) -> bool:
    return hmac.compare_digest(theirs.encode(), ours.encode())


def _header(name: str, headers: Mapping[str, str], header: str) -> str:
    if not (value := headers.get(header, "")):
        raise CredentialRefused(name, f"header {header} is missing", peer_code="missing")
    return value


def _instant(name: str, timestamp: str, now: datetime, window: timedelta) -> datetime:
    """The instant of a timestamp in seconds, or in milliseconds when it has 13 digits."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > _MILLISECONDS_DIGITS:
        raise CredentialRefused(name, "timestamp is not a number", peer_code="timestamp")
    scale = 1000 if len(timestamp) == _MILLISECONDS_DIGITS else 1
    at = datetime.fromtimestamp(int(timestamp) / scale, UTC)
    if abs(now - at) > window:
        raise CredentialRefused(name, "timestamp is outside the window", peer_code="timestamp")
    return at
