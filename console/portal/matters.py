"""A citizen's matter: handed in, and asked about by number and query code."""

from collections.abc import Iterable, Sequence

from aiohttp import web
from pydantic import ValidationError

from connectors.web_portal.codes import PUBLIC_EVENTS, PUBLIC_STATES
from connectors.web_portal.messages import MatterForm, MatterMessage
from connectors.web_portal.translate import public_line
from console.api.bodies import answer, read_json
from console.api.command_ids import key_of
from console.api.operations import Operation, Parameter
from console.api.problems import BAD_REQUEST, Problem, fields_wrong
from console.portal.answers import Act, Line, Progress, Taken
from console.portal.deps import PORTAL, Known, Portal
from console.portal.keeping import keep, number_of
from console.portal.query_codes import query_code
from console.say_fields import Wrong, wrong_fields
from schemas import events as ev
from schemas.events import Recorded
from schemas.ids import ticket_no
from schemas.lifecycle import TICKET, Action
from schemas.parties import Role
from schemas.ticket import State

MATTERS = "/api/portal/v1/matters"
ONE = f"{MATTERS}/{{ticket_no}}"
CODE = Parameter("query_code", "eight letters, given with the number", required=True)
_NOT_YET = "已收到"
_ACTS: tuple[tuple[Act, Action], ...] = (
    ("supplement", Action.SUPPLEMENT), ("withdraw", Action.WITHDRAW), ("rate", Action.RATE),
)  # fmt: skip


async def hand_in(request: web.Request) -> web.Response:
    """201 only once the matter is a row; the same key gets the same answer, from any process."""
    portal = request.app[PORTAL]
    portal.admit(request)
    key = key_of(request)
    if key is None:
        raise Problem(BAD_REQUEST, "idempotency_key")
    form = form_of(await read_json(request))
    deps = portal.deps
    number = number_of("matter", key)
    ticket_id = await _reserved(portal, form.attachments, number)
    message = MatterMessage(ticket_id=ticket_id, received_at=deps.now(), form=form)
    kept = await keep(portal, message, number)
    taken = Taken(
        ticket_no=ticket_no(kept.ticket_id), query_code=query_code(deps.secret, kept.ticket_id)
    )
    return answer(taken, 201)


def form_of(given: object) -> MatterForm:
    """Raises: Problem 422, by field."""
    try:
        return MatterForm.model_validate(given)
    except ValidationError as error:
        # only the check of the area looks at the form as a whole
        wrong = (
            one if one.field else Wrong("area_code", "没有这个行政区划代码")
            for one in wrong_fields(error)
        )  # fmt: skip
        raise fields_wrong(*wrong) from error


async def _reserved(portal: Portal, attachments: Sequence[str], message_no: str) -> int:
    """A number for the ticket: the one that its attachments were kept under, else a new one.

    Raises: Problem 422 for attachments that are unknown, not of one upload, of another
            matter, or uploaded too long ago.
    """
    store = portal.deps.store
    if not attachments:
        return store.ids.next()
    found = [await store.attachments.find(attachment_id) for attachment_id in attachments]
    uploads = [one for one in found if one is not None]
    numbers = {one.ticket_id for one in uploads}
    if len(uploads) < len(found) or len(numbers) > 1:
        raise fields_wrong(Wrong("attachments", "没有这个附件，或它们不是一起上传的"))
    (ticket_id,) = numbers
    handed_in = await store.inbound.browse(ticket_id=ticket_id)
    if any(one.peer_message_no == message_no for one in handed_in):
        return ticket_id
    if handed_in or await store.tickets.head(ticket_id) is not None:
        raise fields_wrong(Wrong("attachments", "这个附件属于另一件诉求"))
    for upload in uploads:
        portal.require_fresh(upload, "attachments")
    return ticket_id


async def progress(request: web.Request) -> web.Response:
    portal = request.app[PORTAL]
    portal.admit(request)
    number, code = request.match_info["ticket_no"], request.query.get("query_code")
    known = await portal.known(portal.authorised(number, code))
    if known.head is None:
        return answer(_before_registration(known))
    history = await portal.deps.store.tickets.history(known.ticket_id)
    return answer(
        Progress(
            ticket_no=ticket_no(known.ticket_id),
            state=PUBLIC_STATES[known.head.state],
            can=can(known.head.state),
            timeline=tuple(_lines(history)),
            reply=reply_in(history),
        )
    )


def can(state: State | None) -> tuple[Act, ...]:
    """What a citizen may do in a state. None: not registered yet; what comes next will wait."""
    state = state or State.RECEIVED
    return tuple(
        act
        for act, action in _ACTS
        if (row := TICKET.get((state, action))) and Role.CITIZEN in row.roles
    )


def _before_registration(known: Known) -> Progress:
    first = known.messages[-1]
    line = Line(at=first.received_at, text=PUBLIC_EVENTS["ticket_registered"])
    return Progress(
        ticket_no=ticket_no(known.ticket_id), state=_NOT_YET, can=can(None), timeline=(line,)
    )


def _lines(history: Iterable[Recorded]) -> Iterable[Line]:
    for recorded in history:
        title, text = public_line(recorded.event)
        if title:
            yield Line(at=recorded.at, text=f"{title}：{text}" if text else title)


def reply_in(history: Sequence[Recorded]) -> str | None:
    """The newest answer that the hub gave the citizen."""
    for recorded in reversed(history):
        match recorded.event:
            case ev.CitizenReplied(text=text) | ev.DirectlyAnswered(text=text):
                return text
            case ev.TicketClosed(reply=text) if text:
                return text
    return None


OPERATIONS = (
    Operation(
        "POST", MATTERS, hand_in, "handIn", "Hand in a matter", "portal", (201, Taken),
        body=MatterForm, problems=(409, 429), bearer=False,
        parameters=(Parameter(
            "Idempotency-Key", "1 to 200 characters; the same key and body get the same answer",
            place="header", required=True,
        ),),
    ),
    Operation(
        "GET", ONE, progress, "readProgress", "How it stands, in the citizen's words", "portal",
        (200, Progress), parameters=(CODE,), problems=(404, 429), bearer=False,
    ),
)  # fmt: skip
