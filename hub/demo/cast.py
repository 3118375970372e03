"""The demo's people: users with passwords for browsers, tokens for the program that plays them."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.demo.people import Cast
from schemas.parties import Role
from ticket_store.people import PeopleBook
from ticket_store.people_values import NewUser, PersonRefused

BY = "system:demo"
_PASSWORD = "Sutong-2026-{}"  # noqa: S105 - of people who live on loopback as long as the demo


@dataclass(frozen=True)
class DemoUser:
    """Who can sign in, and what the person is there for."""

    user_name: str
    display_name: str
    role: Role
    department: str | None = None

    @property
    def password(self) -> str:
        return _PASSWORD.format(self.user_name[::-1].capitalize())


USERS: tuple[DemoUser, ...] = (
    DemoUser("zuoxi", "座席 小测", Role.OPERATOR),
    DemoUser("paishen", "派审 小测", Role.DISPATCHER),
    DemoUser("shenhe", "审核 小测", Role.REVIEWER),
    DemoUser("lingdao", "管理中心 小测", Role.LEADER),
    DemoUser("shijianju", "承办 小甲", Role.HANDLER, "scjg"),
    DemoUser("zhujianju", "承办 小乙", Role.HANDLER, "zjj"),
    DemoUser("chengguan", "承办 小丙", Role.HANDLER, "cgj"),
    DemoUser("xitong", "系统管理员", Role.SYSTEM_ADMIN),
    DemoUser("anquan", "安全管理员", Role.SECURITY_ADMIN),
    DemoUser("shenji", "审计管理员", Role.AUDIT_ADMIN),
)


async def create_users(people: PeopleBook) -> tuple[DemoUser, ...]:
    """Make the demo's users; those that a store has already keep their name and get the password
    again."""
    for user in USERS:
        new = NewUser(
            user_name=user.user_name,
            display_name=user.display_name,
            roles=frozenset({user.role}),
            department=user.department,
        )
        try:
            await people.create(BY, new, user.password, must_change=False)
        except PersonRefused as refusal:
            if refusal.code != "name_taken":
                raise
    return USERS


async def create_cast(people: PeopleBook, departments: Iterable[str]) -> Cast:
    """Tokens for everybody who acts: one a role, and one a department."""

    async def token(name: str, role: Role, department: str | None = None) -> str:
        secret, _ = await people.tokens.create(
            BY, f"演示{name}", frozenset({role}), department=department
        )
        return secret

    return Cast(
        operator=await token("座席", Role.OPERATOR),
        dispatcher=await token("派审", Role.DISPATCHER),
        reviewer=await token("审核", Role.REVIEWER),
        leader=await token("管理中心", Role.LEADER),
        handlers={code: await token("承办", Role.HANDLER, code) for code in departments},
    )
