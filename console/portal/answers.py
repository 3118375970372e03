"""What the portal API answers, as models."""

from datetime import datetime
from typing import Literal

from schemas.matter import Frozen

Act = Literal["supplement", "withdraw", "rate"]


class Taken(Frozen):
    """For the citizen to keep: without the code nobody is told anything."""

    ticket_no: str
    query_code: str


class Line(Frozen):
    at: datetime
    text: str


class Progress(Frozen):
    """state: in the citizen's words. can: what the state allows. reply: the hub's answer."""

    ticket_no: str
    state: str
    can: tuple[Act, ...]
    timeline: tuple[Line, ...]
    reply: str | None = None


class Received(Frozen):
    """Kept durably; what comes of it shows in the timeline."""

    received: Literal[True] = True


class Uploaded(Frozen):
    attachment_id: str
