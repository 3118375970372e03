"""Logs are JSON lines for programs, and hold nothing of the people that they are about."""

import io
import json
import logging
from pathlib import Path

import pytest
import structlog
from pydantic import BaseModel, ValidationError

from hub.logs import mask, set_up
from tests.hub.commands import sutong_process
from tests.hub.running import started, wait_for

NAME, PHONE, WORDS = "欧阳某某", "13800005678", "独一无二的诉求内容"
ACCUSED, SUPPLEMENT = "某某被诉商行", "补充的另一段话"
PORTAL = json.dumps({"portal": {"dialect": "web_portal"}})


def written(level: str = "debug") -> io.StringIO:
    sink = io.StringIO()
    set_up(level, "json", sink)
    return sink


def lines(sink: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def test_a_line_is_an_object_whoever_logs() -> None:
    sink = written()
    structlog.get_logger("hub.test").info("peer lost", peer="city", waited=1.5)
    logging.getLogger("some.library").warning("odd %s", "thing")
    ours, theirs = lines(sink)
    assert (ours["event"], ours["peer"], ours["level"]) == ("peer lost", "city", "info")
    assert (theirs["event"], theirs["logger"]) == ("odd thing", "some.library")
    assert all("timestamp" in line for line in (ours, theirs))


def test_numbers_of_people_and_private_fields_are_masked_at_any_depth() -> None:
    sink = written()
    log = structlog.get_logger("hub.test")
    log.info(f"call of {PHONE}", phone=PHONE, detail={"text": WORDS, "list": [f"+86{PHONE}"]})
    logging.getLogger("library").error("failed for %s", {"tel": PHONE})
    log.info("failed", exc_info=ValueError(f"cannot dial {PHONE}, 320508199001011234"))
    told = sink.getvalue()
    assert len(lines(sink)) == 3
    assert PHONE not in told
    assert WORDS not in told
    assert "19900101" not in told
    assert mask(PHONE) == "138****5678"


class _Form(BaseModel):
    age: int


def test_what_libraries_quote_of_a_row_or_a_field_is_left_out() -> None:
    sink = written()
    log = structlog.get_logger("hub.test")
    with pytest.raises(ValidationError) as refused:
        _Form.model_validate({"age": WORDS})
    log.error("failed", exc_info=refused.value)
    row = (
        f"(sqlite3.OperationalError) disk is full\n[SQL: INSERT]\n[parameters: ('{NAME}', '[1]')]\n"
    )
    log.error("failed", reason=row)
    told = sink.getvalue()
    assert len(lines(sink)) == 2
    assert "valid integer" in told
    assert "disk is full" in told
    assert WORDS not in told
    assert NAME not in told


def test_ids_of_tickets_and_times_are_left_as_they_are() -> None:
    sink = written()
    structlog.get_logger("hub.test").info("seen", ticket_id=245366873341952, at="20261125020000123")
    [line] = lines(sink)
    assert (line["ticket_id"], line["at"]) == (245366873341952, "20261125020000123")


def test_a_ticket_of_a_citizen_leaves_nothing_of_him_in_the_logs(tmp_path: Path) -> None:
    home = tmp_path / "h"
    with started("run", home, SUTONG_LOG_LEVEL="debug", SUTONG_PEERS=PORTAL) as hub:
        hub.wait_until_ready()
        matters = "/api/portal/v1/matters"
        matter = {
            "title": WORDS[:6],
            "text": f"{WORDS}，电话{PHONE}",
            "citizen": {"name": NAME, "phone": PHONE},
            "accused": {"name": ACCUSED},
        }
        status, given = hub.post(matters, matter, Idempotency_Key="one")
        assert status == 201
        assert hub.post(matters, {"citizen": {"phone": PHONE}}, Idempotency_Key="two")[0] == 422
        wait_for(lambda: 'sutong_inbound{outcome="waiting"} 0.0' in hub.get("/metrics")[1])
        query = f"?query_code={given['query_code']}"
        status, _ = hub.post(
            f"{matters}/{given['ticket_no']}/supplements{query}",
            {"text": SUPPLEMENT, "query_code": given["query_code"]},
            Idempotency_Key="three",
        )
        assert status < 500
        hub.end()
        log = hub.log()
        hub.log_lines()  # each line is JSON
    for private in (NAME, PHONE, WORDS, WORDS[:6], ACCUSED, SUPPLEMENT, given["query_code"]):
        assert private not in log


def test_what_a_command_logs_goes_to_stderr(tmp_path: Path) -> None:
    ran = sutong_process("migrate", "--json", home=tmp_path / "h", SUTONG_LOG_LEVEL="debug")
    assert (ran.code, len(ran.out.splitlines())) == (0, 1)
    assert ran.json["applied"]
