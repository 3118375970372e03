"""What a portal may send, and the envelope in which the hub keeps it as an inbound body.

The portal API checks a call with the forms (422 when one does not hold), wraps it in a message and
stores `content` of that message; `translate.py` reads the same bytes back. Unknown fields are
refused, so that a typo cannot hide.
"""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter, model_validator

from schemas.areas import AreaCode
from schemas.matter import Frozen, MatterKind
from schemas.parties import uscc_is_valid
from schemas.visible_text import VISIBLE, VISIBLE_LINE

MOST_ATTACHMENTS = 10

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), VISIBLE_LINE
]
MatterText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000), VISIBLE
]
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000), VISIBLE
]
Attachments = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=80)], ...],
    Field(max_length=MOST_ATTACHMENTS),
]


class CitizenForm(Frozen):
    """confidential: the citizen asks that his data be kept from the department (GB/T 33358)."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), VISIBLE_LINE
    ]
    phone: Annotated[
        str,
        StringConstraints(strip_whitespace=True, pattern=r"^[+\d][\d\- ]{4,23}$"),
        VISIBLE_LINE,
    ]
    confidential: bool = False


class AccusedForm(Frozen):
    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), VISIBLE_LINE
    ]
    uscc: (
        Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True), VISIBLE_LINE] | None
    ) = None
    address: Annotated[str, StringConstraints(max_length=200), VISIBLE_LINE] | None = None

    @model_validator(mode="after")
    def _check_character_holds(self) -> Self:
        if self.uscc is not None and not uscc_is_valid(self.uscc):
            raise ValueError("not a unified social credit code (GB 32100-2015)")
        return self


class MatterForm(Frozen):
    """POST /api/portal/v1/matters."""

    title: Title
    text: MatterText
    kind: MatterKind = MatterKind.COMPLAINT
    area_code: AreaCode | None = None
    place: Annotated[str, StringConstraints(max_length=200), VISIBLE_LINE] | None = None
    citizen: CitizenForm
    accused: AccusedForm | None = None
    attachments: Attachments = ()


class SupplementForm(Frozen):
    """POST .../{ticket_no}/supplements."""

    text: Words
    attachments: Attachments = ()


class WithdrawalForm(Frozen):
    """POST .../{ticket_no}/withdrawal."""

    reason: Words = "诉求人自行撤回"


class RatingForm(Frozen):
    """POST .../{ticket_no}/rating: 1 (very dissatisfied) to 5 (very satisfied)."""

    rating: Annotated[int, Field(ge=1, le=5)]
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000), VISIBLE] = ""


class _Message(Frozen):
    """ticket_id: reserved by the hub when the matter came in; received_at: the hub's clock."""

    ticket_id: Annotated[int, Field(gt=0)]
    received_at: AwareDatetime

    @property
    def content(self) -> bytes:
        """The bytes that the store keeps."""
        return self.model_dump_json().encode()


class MatterMessage(_Message):
    kind: Literal["matter"] = "matter"
    form: MatterForm


class SupplementMessage(_Message):
    kind: Literal["supplement"] = "supplement"
    form: SupplementForm


class WithdrawalMessage(_Message):
    kind: Literal["withdrawal"] = "withdrawal"
    form: WithdrawalForm


class RatingMessage(_Message):
    kind: Literal["rating"] = "rating"
    form: RatingForm


PortalMessage = Annotated[
    MatterMessage | SupplementMessage | WithdrawalMessage | RatingMessage,
    Field(discriminator="kind"),
]
PORTAL_MESSAGE: TypeAdapter[PortalMessage] = TypeAdapter(PortalMessage)
