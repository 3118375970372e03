"""Errors, sorted by what the caller must do next, not by where they arose."""

from collections.abc import Mapping

from pydantic import ValidationError


class HubError(Exception):
    """Base of every error the hub raises on purpose."""


class ConnectorError(HubError):
    """A peer could not be served; the subclass says what to do about it.

    uncertain: the peer may have applied the call although no answer came back; ask before a resend.
    """

    def __init__(
        self, connector: str, detail: str, *, peer_code: str = "-", uncertain: bool = False
    ) -> None:
        super().__init__(f"{connector}: {detail} [{peer_code}]")
        self.connector, self.detail = connector, detail
        self.peer_code = peer_code  # theirs, verbatim, for the audit
        self.uncertain = uncertain


class PeerUnavailable(ConnectorError):
    """The same call may work later: timeout, 5xx, SOAP Server fault. Back off and repeat."""


class CredentialRefused(ConnectorError):
    """401, 403 or a bad signature. Stop this connector and call a person; never repeat."""


class PayloadNotUnderstood(ConnectorError):
    """Off the interface contract. Keep the bytes as a dead letter; never guess."""


class RequestRefused(ConnectorError):
    """The peer understood and said no. Record it on the ticket; an operator decides."""


class CommandRefused(HubError):
    """A command was understood and not done. A repeat of its id is refused in the same words.

    code:   stable, for programs and for the Chinese text that the console shows.
    facts:  what the text needs (state, action, department ...), plain strings.
    """

    code = "command_refused"
    # of a refusal that is repeated: what the first command with the id asked for, if still known
    fingerprint: bytes | None = None

    def __init__(self, detail: str, *, code: str | None = None, **facts: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.facts: Mapping[str, str] = facts

    def again(self, fingerprint: bytes | None = None) -> "CommandRefused":
        """The same refusal as a new object: one raised twice grows a traceback of both."""
        refusal = type(self)(self.detail, code=self.code, **self.facts)
        refusal.fingerprint = self.fingerprint if fingerprint is None else fingerprint
        return refusal


class TransitionRefused(CommandRefused):
    """Not allowed from the ticket's present state. Read the ticket again and choose anew."""

    code = "transition_refused"


class NotEntitled(CommandRefused):
    """Wrong role, department or scope. Another person must do it."""

    code = "not_entitled"


class RuleBroken(CommandRefused):
    """Allowed here, but not like this (a second extension, a department twice). Change it."""

    code = "rule_broken"


class VersionConflict(CommandRefused):
    """Somebody changed the ticket since the page was read. Read it again."""

    code = "version_conflict"


class UnknownTicket(CommandRefused):
    """No such ticket, or none that this person may see."""

    code = "unknown_ticket"


class AlreadyRegistered(CommandRefused):
    """The peer's ticket number is known already: it is not typed again. facts: ticket_id."""

    code = "already_registered"


class StoreBusy(HubError):
    """The store cannot take writes now (disk full, database away). Try again after a while."""

    def __init__(self, detail: str, *, retry_after_seconds: float = 5.0) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


REFUSALS: Mapping[str, type[CommandRefused]] = {
    kind.code: kind
    for kind in (
        TransitionRefused,
        NotEntitled,
        RuleBroken,
        VersionConflict,
        UnknownTicket,
        AlreadyRegistered,
    )
}


def places_of(error: ValidationError) -> str:
    """Where something does not fit and why, without the values: they may be personal data."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['type']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
