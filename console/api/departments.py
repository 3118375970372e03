"""GET /api/v1/departments: whom a ticket can be dispatched to."""

from aiohttp import web

from console.api.answers import DepartmentRow, Departments
from console.api.bodies import answer, has_unprintable
from console.api.calls import API
from console.api.operations import Operation, Parameter
from console.api.problems import fields_wrong
from console.say_fields import Wrong

_LONGEST = 100


async def departments(request: web.Request) -> web.Response:
    api = request.app[API]
    await api.tokens.actor(request)
    words = request.query.get("words", "").strip()
    if len(words) > _LONGEST or has_unprintable(words):
        raise fields_wrong(Wrong("words", f"最多 {_LONGEST} 个字符，且不含控制字符"))
    catalogue = api.deps.catalogue
    found = catalogue.search(words) if words else catalogue.departments()
    rows = tuple(
        DepartmentRow(code=one.code, name=one.name, duties=tuple(one.duties)) for one in found
    )
    return answer(Departments(departments=rows))


OPERATIONS = (
    Operation(
        "GET", "/api/v1/departments", departments, "findDepartments",
        "Departments that exist today, all or by words", "departments", (200, Departments),
        parameters=(Parameter("words", "part of a name, a duty, or the initials of its pinyin"),),
        problems=(401, 403, 422),
    ),
)  # fmt: skip
