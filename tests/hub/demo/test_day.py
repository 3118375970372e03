"""The whole hub with its four peers: a small day, with and without faults, comes out even."""

import pytest

from hub.demo.day import DemoOptions, play
from hub.demo.summary import DemoSummary

FIELDS = {
    "tickets", "by_source", "by_state", "deliveries", "dead_letters", "warnings", "cards", "lost",
    "doubled", "seconds",
}  # fmt: skip
AT_REST = {"closed", "declined", "withdrawn", "discarded", "merged", "archived"}


async def day(faults: str, tickets: int, seed: int) -> tuple[DemoSummary, list[str]]:
    said: list[str] = []
    summary = await play(
        DemoOptions(tickets=tickets, leave=True, seed=seed, faults=faults, say=said.append)
    )
    return summary, said


@pytest.mark.slow
@pytest.mark.parametrize(("faults", "tickets"), [("none", 10), ("hard", 14)])
async def test_a_day_is_settled_against_the_peers_own_books(faults: str, tickets: int) -> None:
    summary, said = await day(faults, tickets, seed=7)
    facts = summary.as_json()
    assert not summary.problems()
    assert summary.ok
    assert set(facts) == FIELDS
    assert facts["tickets"] == tickets
    assert set(facts["by_source"]) == {"hotline12345", "provincial", "phone_log", "web_portal"}
    assert set(facts["by_state"]) <= AT_REST
    assert facts["deliveries"]["delivered"] > 3 * tickets
    assert facts["lost"] == facts["doubled"] == 0
    assert any("http://127.0.0.1:" in line for line in said)
