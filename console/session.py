"""Who is signed in, as a request carries it; and the token that proves a form is our own."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from aiohttp import web

from console import say
from schemas.parties import Actor

SESSION_COOKIE = "sutong_session"
FORM_COOKIE = "sutong_form"  # for forms of people who are not signed in yet
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Signed:
    """token: the session's secret, as the cookie holds it; never shown and never logged."""

    actor: Actor
    display_name: str
    token: str
    must_change_password: bool = False

    @property
    def role_text(self) -> str:
        return "、".join(say.text(role) for role in sorted(self.actor.roles))


SIGNED: web.RequestKey[Signed] = web.RequestKey("signed", Signed)
FORM_SECRET: web.RequestKey[str] = web.RequestKey("form_secret", str)


def signed_in(request: web.Request) -> Signed:
    """Raises: HTTPUnauthorized; the gate keeps everybody else from getting here."""
    signed: Signed | None = request.get(SIGNED)
    if signed is None:
        raise web.HTTPUnauthorized
    return signed


def new_secret() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


def csrf_of(request: web.Request) -> str:
    """The token that our own pages put into their forms and headers.

    Made from the cookie's secret, which scripts cannot read and other sites do not know.
    """
    signed = request.get(SIGNED)
    secret = signed.token if signed else request.get(FORM_SECRET, "")
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()
