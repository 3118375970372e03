import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from connectors.signing import Keys, Profile, RecentNonces, Signed, canonical, sign, verify
from schemas.errors import CredentialRefused, StoreBusy

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
SECRET = "quite secret"
NONCE = "0123456789abcdef"
REQUEST = Signed("POST", "/api/orders/A1/status", b'{"state":"21"}', {"b": "2 3", "a": "1"})
STRONG = [Profile.HMAC_SHA256, Profile.HMAC_SM3]
ALL = [*STRONG, Profile.WEAK]


def keys(profile: Profile, secret: str = SECRET) -> Keys:
    return Keys("hub-app", secret, profile)


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def check(
    profile: Profile,
    headers: Mapping[str, str],
    *,
    request: Signed = REQUEST,
    now: datetime = AT,
    nonces: RecentNonces | None = None,
    secret: str = SECRET,
) -> None:
    memory = RecentNonces() if nonces is None else nonces
    verify("hotline", keys(profile, secret), request, lower(headers), now, memory)


def test_the_canonical_text_is_eight_lines() -> None:
    assert canonical(REQUEST, "k", "1", "n", "d") == (
        "SUTONG-1\nPOST\n/api/orders/A1/status\na=1&b=2%203\nk\n1\nn\nd"
    )


@pytest.mark.parametrize(
    ("profile", "algorithm"), [(Profile.HMAC_SHA256, "sha256"), (Profile.HMAC_SM3, "sm3")]
)
def test_the_signature_is_what_another_library_makes_of_the_rule(
    profile: Profile, algorithm: str
) -> None:
    headers = sign(keys(profile), REQUEST, AT, NONCE)
    digest = hashlib.new(algorithm, REQUEST.body).hexdigest()
    text = "\n".join(
        ["SUTONG-1", "POST", "/api/orders/A1/status", "a=1&b=2%203", "hub-app", "1795579200",
         NONCE, digest]
    )  # fmt: skip
    expected = hmac.new(b"quite secret", text.encode(), algorithm).hexdigest()
    assert headers == {
        "X-App-Key": "hub-app",
        "X-Timestamp": "1795579200",
        "X-Nonce": NONCE,
        "X-Body-Digest": digest,
        "X-Signature": expected,
    }


@pytest.mark.parametrize(
    ("profile", "signature"),
    [
        (Profile.HMAC_SHA256, "239d02095caafe00f5bd89b18bbb8fbc00483af24747f99a31d227edd761145d"),
        (Profile.HMAC_SM3, "f0724f98b446e8fbe791aa152552a7c7e47753facf8bb0cbf51c03e544be6240"),
    ],
)
def test_vectors_of_the_strong_profiles(profile: Profile, signature: str) -> None:
    assert sign(keys(profile), REQUEST, AT, NONCE)["X-Signature"] == signature


def test_vector_of_the_weak_profile() -> None:
    headers = sign(keys(Profile.WEAK), REQUEST, AT, NONCE)
    text = b"hub-app" + b"quite secret" + b"1795579200000"
    assert headers == {
        "appKey": "hub-app",
        "timestamp": "1795579200000",
        "signature": hashlib.sha1(text).hexdigest(),  # noqa: S324 - the profile under test
    }
    assert headers["signature"] == "ce651a385d4aea4827a901b3542928cc840fbcaf"


@pytest.mark.parametrize("profile", ALL)
def test_what_was_signed_is_good(profile: Profile) -> None:
    check(profile, sign(keys(profile), REQUEST, AT, NONCE))


@pytest.mark.parametrize("profile", STRONG)
@pytest.mark.parametrize(
    "other",
    [
        Signed("PUT", REQUEST.path, REQUEST.body, REQUEST.query),
        Signed("POST", "/api/orders/A2/status", REQUEST.body, REQUEST.query),
        Signed("POST", REQUEST.path, b'{"state":"40"}', REQUEST.query),
        Signed("POST", REQUEST.path, REQUEST.body, {"a": "1"}),
    ],
)
def test_a_changed_request_is_refused(profile: Profile, other: Signed) -> None:
    with pytest.raises(CredentialRefused):
        check(profile, sign(keys(profile), REQUEST, AT, NONCE), request=other)


@pytest.mark.parametrize("profile", ALL)
def test_another_secret_and_another_key_are_refused(profile: Profile) -> None:
    headers = sign(keys(profile), REQUEST, AT, NONCE)
    with pytest.raises(CredentialRefused, match="signature"):
        check(profile, headers, secret="another")
    headers = sign(Keys("stranger", "quite secret", profile), REQUEST, AT, NONCE)
    with pytest.raises(CredentialRefused, match="unknown application key"):
        check(profile, headers)


@pytest.mark.parametrize("profile", ALL)
def test_every_header_is_needed_and_counts(profile: Profile) -> None:
    good = sign(keys(profile), REQUEST, AT, NONCE)
    for name, value in good.items():
        without = {key: text for key, text in good.items() if key != name}
        with pytest.raises(CredentialRefused):
            check(profile, without)
        with pytest.raises(CredentialRefused):
            check(profile, good | {name: value[:-1] + ("0" if value[-1] != "0" else "1")})


@pytest.mark.parametrize(
    ("profile", "seconds"),
    [(Profile.HMAC_SHA256, 300), (Profile.HMAC_SM3, 300), (Profile.WEAK, 3600)],
)
def test_the_clock_error_allowed_is_exact_on_both_sides(profile: Profile, seconds: int) -> None:
    headers = sign(keys(profile), REQUEST, AT, NONCE)
    for sign_of in (1, -1):
        check(profile, headers, now=AT + sign_of * timedelta(seconds=seconds))
        with pytest.raises(CredentialRefused, match="window"):
            check(profile, headers, now=AT + sign_of * timedelta(seconds=seconds + 1))


@pytest.mark.parametrize("timestamp", ["", "soon", "-5", "1e9", "１７９５", "9" * 40])
def test_a_timestamp_that_is_none_is_refused(timestamp: str) -> None:
    headers = sign(keys(Profile.WEAK), REQUEST, AT, NONCE) | {"timestamp": timestamp}
    with pytest.raises(CredentialRefused):
        check(Profile.WEAK, headers)


@pytest.mark.parametrize("nonce", ["short", "x" * 65])
def test_a_nonce_of_the_wrong_length_is_refused(nonce: str) -> None:
    with pytest.raises(CredentialRefused, match="nonce"):
        check(Profile.HMAC_SHA256, sign(keys(Profile.HMAC_SHA256), REQUEST, AT, nonce))


@pytest.mark.parametrize("profile", STRONG)
def test_a_nonce_is_taken_once_during_the_whole_window(profile: Profile) -> None:
    ahead = AT + timedelta(seconds=300)  # the peer's clock runs ahead as far as it may
    headers, nonces = sign(keys(profile), REQUEST, ahead, NONCE), RecentNonces()
    check(profile, headers, nonces=nonces)
    for later in (0, 299, 600):
        with pytest.raises(CredentialRefused, match="used before"):
            check(profile, headers, nonces=nonces, now=AT + timedelta(seconds=later))


def test_a_bad_signature_does_not_take_the_nonce() -> None:
    good, nonces = sign(keys(Profile.HMAC_SHA256), REQUEST, AT, NONCE), RecentNonces()
    with pytest.raises(CredentialRefused):
        check(Profile.HMAC_SHA256, good | {"X-Signature": "00"}, nonces=nonces)
    assert len(nonces) == 0
    check(Profile.HMAC_SHA256, good, nonces=nonces)


def test_a_full_memory_refuses_rather_than_forgets() -> None:
    nonces, end = RecentNonces(most=2), AT + timedelta(seconds=300)
    assert nonces.first_time("k", "n1", AT, end)
    assert nonces.first_time("k", "n2", AT, end)
    with pytest.raises(StoreBusy):
        nonces.first_time("k", "n3", AT, end)
    assert not nonces.first_time("k", "n1", AT, end)
    later = end + timedelta(seconds=1)
    assert nonces.first_time("k", "n3", later, later)
    assert len(nonces) == 1


def test_nonces_of_two_keys_are_apart() -> None:
    nonces = RecentNonces()
    assert nonces.first_time("k1", "n", AT, AT)
    assert nonces.first_time("k2", "n", AT, AT)


def test_a_secret_does_not_show_in_texts() -> None:
    assert "quite secret" not in repr(keys(Profile.HMAC_SM3))
