"""The 12345 platform's JSON as models: what it must hold before anybody reads a code. Pure."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]


class _Wire(BaseModel):
    """Strict in types; fields that a newer version of the interface adds are let be."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class CitizenPart(_Wire):
    name: Text
    phone: Text | None = None
    idNo: Text | None = None  # noqa: N815 - their spelling, as all below
    confidential: bool = False


class AccusedPart(_Wire):
    name: Text
    uscc: Text | None = None
    address: Text | None = None


class EventPart(_Wire):
    type: Code
    text: Annotated[Text, Field(max_length=4_000)] = ""
    attachments: list[str] = []


class LastUpdate(_Wire):
    by: Text
    key: Text | None = None


class Order(_Wire):
    """One version of an order."""

    orderNo: Annotated[Text, Field(min_length=1, max_length=40)]  # noqa: N815 - theirs
    version: Annotated[int, Field(ge=1)]
    event: EventPart
    title: Text
    content: Text
    appealType: Code  # noqa: N815 - theirs
    urgency: Code
    areaCode: Code | None = None  # noqa: N815 - theirs
    place: Text | None = None
    category: Text | None = None
    citizen: CitizenPart | None = None
    accused: AccusedPart | None = None
    state: Code
    createTime: str  # noqa: N815 - theirs
    updateTime: str  # noqa: N815 - theirs
    lastUpdate: LastUpdate  # noqa: N815 - theirs


class AnswerPart(_Wire):
    """Head of every answer to a push back."""

    code: Code
    message: str = ""
    receiptNo: str | None = None  # noqa: N815 - theirs


class PagePart(_Wire):
    """A page of orders without its orders. next: the cursor behind its last one."""

    next: str
    more: bool
