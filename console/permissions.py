"""Which page family is for which role. What is not in the table is refused.

The actions on a ticket are not here: they come from `schemas.lifecycle` by way of `offers.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schemas.parties import Role
from ticket_store.people_values import ADMINISTRATORS, WORKERS

PEOPLE = WORKERS | ADMINISTRATORS


@dataclass(frozen=True)
class Family:
    """A page family: the first part of its address, and who may open it.

    label, icon: its place in the menu; without a label it has none.
    """

    path: str
    roles: frozenset[Role]
    label: str = ""
    icon: str = ""


def _family(
    path: str, roles: set[Role] | frozenset[Role], label: str = "", icon: str = ""
) -> Family:
    return Family(path, frozenset(roles), label, icon)


FAMILIES: tuple[Family, ...] = (
    _family("", PEOPLE, "工作台", "home"),
    _family("intake", {Role.OPERATOR, Role.DISPATCHER, Role.LEADER}, "统一受理", "inbox"),
    _family("dispatch", {Role.DISPATCHER, Role.LEADER}, "统一派审", "route"),
    _family("handling", {Role.HANDLER, Role.LEADER}, "协同处理", "users-group"),
    _family("reviews", {Role.REVIEWER, Role.DISPATCHER, Role.LEADER}, "审核", "list-check"),
    _family("replies", {Role.OPERATOR, Role.LEADER}, "回复回访", "phone-call"),
    _family("tickets", WORKERS, "综合查询", "search"),
    _family("supervise", {Role.DISPATCHER, Role.REVIEWER, Role.LEADER}, "效能监管", "gauge"),
    _family("messages", {Role.LEADER, Role.SYSTEM_ADMIN}, "系统对接", "plug"),
    _family("users", {Role.SECURITY_ADMIN}, "用户管理", "users"),
    _family("audit", {Role.AUDIT_ADMIN}, "审计", "shield-check"),
    _family("departments", WORKERS),
    _family("menu", PEOPLE),
    _family("live", PEOPLE),
    _family("account", PEOPLE),
    _family("sign-out", PEOPLE),
)
BY_PATH: Mapping[str, Family] = MappingProxyType({family.path: family for family in FAMILIES})
PUBLIC = frozenset({"sign-in", "static"})
# served by other parts of the web process, with their own ways of proving who calls
NOT_PAGES = frozenset({"api", "peers", "soap", "health", "metrics"})


def first_part(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


def may_open(path: str, roles: frozenset[Role]) -> bool:
    family = BY_PATH.get(first_part(path))
    return family is not None and bool(family.roles & roles)


def menu_of(roles: frozenset[Role]) -> tuple[Family, ...]:
    return tuple(family for family in FAMILIES if family.label and family.roles & roles)
