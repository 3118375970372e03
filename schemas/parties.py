"""Who takes part: citizen, accused party, the people and machines that act; how data is masked."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.matter import Frozen
from schemas.visible_text import VISIBLE_LINE


class Role(StrEnum):
    OPERATOR = "operator"  # 座席
    DISPATCHER = "dispatcher"  # 派审
    HANDLER = "handler"  # 承办部门
    REVIEWER = "reviewer"  # 审核
    LEADER = "leader"  # 管理中心
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"
    CITIZEN = "citizen"  # through the portal
    PEER = "peer"  # another platform
    SYSTEM = "system"  # clocks and sweeps
    MACHINE = "machine"  # routing


class Actor(Frozen):
    """Who acts: a person (user id), or `peer:<name>`, `citizen`, `system:<part>`."""

    actor_id: str = Field(min_length=1, max_length=80)
    roles: frozenset[Role]
    department: str | None = None  # department code of a handler

    def has(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)


class Citizen(Frozen):
    """Numbers that were copied from another screen often come wrapped in direction marks."""

    name: Annotated[str, Field(min_length=1, max_length=60), VISIBLE_LINE]
    phone: Annotated[str | None, Field(pattern=r"^[+\d][\d\- ]{4,23}$"), VISIBLE_LINE] = None
    id_no: Annotated[str | None, Field(max_length=24), VISIBLE_LINE] = None
    confidential: bool = False  # asked that his data be kept from the department (GB/T 33358)


class AccusedParty(Frozen):
    """uscc: unified social credit code, GB 32100-2015."""

    name: Annotated[str, Field(min_length=1, max_length=120), VISIBLE_LINE]
    uscc: Annotated[str | None, VISIBLE_LINE] = None
    address: Annotated[str | None, Field(max_length=200), VISIBLE_LINE] = None


_USCC_LENGTH = 18
_USCC_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def uscc_is_valid(code: str) -> bool:
    """Whether the check character of a unified social credit code holds (GB 32100-2015)."""
    if len(code) != _USCC_LENGTH or any(letter not in _USCC_LETTERS for letter in code):
        return False
    total = sum(
        _USCC_LETTERS.index(letter) * pow(3, place, 31) for place, letter in enumerate(code[:17])
    )
    return _USCC_LETTERS[(31 - total % 31) % 31] == code[17]


_MOBILE_LENGTH, _SHORT_ID_LENGTH = 11, 10


def mask_phone(phone: str) -> str:
    """138****1234; a short number keeps its last two digits."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= _MOBILE_LENGTH else f"****{phone[-2:]}"


def mask_name(name: str) -> str:
    return name[:1] + "*" * max(1, len(name) - 1)


def mask_id_no(number: str) -> str:
    return (
        f"{number[:6]}{'*' * max(1, len(number) - 10)}{number[-4:]}"
        if len(number) > _SHORT_ID_LENGTH
        else "***"
    )


def masked(citizen: Citizen) -> Citizen:
    """The citizen as those see him who need not call him."""
    return citizen.model_copy(
        update={
            "name": mask_name(citizen.name),
            "phone": citizen.phone and mask_phone(citizen.phone),
            "id_no": citizen.id_no and mask_id_no(citizen.id_no),
        }
    )
