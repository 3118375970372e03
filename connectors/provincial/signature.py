"""The province's request signatures, assumed [A]: a weak profile seen elsewhere, and ours. Pure.

The interface has three parameters for it and no nonce; `connectors.signing` is for HTTP headers.
"""

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum


class Profile(StrEnum):
    WEAK = "weak"  # sha1(appKey + appSecret + timestamp): says nothing about the content
    HMAC_SHA256 = "hmac-sha256"  # over operation, appKey, timestamp and every argument


def signature(
    profile: Profile,
    secret: str,
    app_key: str,
    timestamp: str,
    operation: str,
    arguments: Mapping[str, str],
) -> str:
    """Lower-case hexadecimal. timestamp: as sent, milliseconds since 1970."""
    if profile is Profile.WEAK:
        return hashlib.sha1(f"{app_key}{secret}{timestamp}".encode()).hexdigest()  # noqa: S324  the peer's choice
    # the digest of a long argument, so that no separator inside it can shift the fields
    digests = (
        f"{name}={hashlib.sha256(value.encode()).hexdigest()}"
        for name, value in sorted(arguments.items())
    )
    text = "\n".join((operation, app_key, timestamp, *digests))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
