"""A place that the city does not know: from the message of a peer to the dispatch desk."""

from pathlib import Path

import pytest

from hub.assembly import build
from hub.settings import load

ORDER = Path(__file__).parents[1] / "connectors/hotline12345/payloads/created__help.json"
CITY = {
    "dialect": "hotline12345",
    "url": "http://127.0.0.1:9",
    "app_key": "hub-app",
    "app_secret": "s",
}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("code", "kept", "rule"),
    [
        ("310104", "310104", "outside-city"),
        ("320503", "320508", None),  # abolished
        ("320599", "320599", None),  # of the city, but nobody's
    ],
)
async def test_an_order_from_anywhere_reaches_the_dispatch_desk(
    code: str, kept: str, rule: str | None
) -> None:
    order = ORDER.read_bytes()
    assert b'"areaCode": "320508"' in order
    hub = await build(load(peers={"city": CITY}), migrating=True)
    try:
        (intake,) = hub.connectors["city"].translate(order.replace(b"320508", code.encode()))
        assert intake.registration is not None
        assert intake.registration.matter.area_code == kept
        proposal = hub.proposer.propose(intake.registration)
        assert proposal.rule == rule
        assert not proposal.dispatch
    finally:
        await hub.close()


@pytest.mark.usefixtures("home")
async def test_peers_and_routing_read_codes_by_the_citys_own_table(tmp_path: Path) -> None:
    areas, departments = tmp_path / "areas.toml", tmp_path / "departments.toml"
    areas.write_text(
        'city = { code = "340100", name = "合肥市" }\n'
        '[[area]]\ncode = "340122"\nname = "肥东县"\n'
        '[[area]]\ncode = "340199"\nname = "旧区"\nvalid_to = 2020-01-01\nbecame = "340122"\n',
        encoding="utf-8",
    )
    departments.write_text(
        '[[department]]\ncode = "one"\nname = "甲局"\nduties = ["路灯"]\n', encoding="utf-8"
    )
    own = {"areas": areas, "catalogue": departments}
    hub = await build(load(peers={"city": CITY}, dispatch=own), migrating=True)
    try:
        order = ORDER.read_bytes().replace(b"320508", b"340199")
        (intake,) = hub.connectors["city"].translate(order)
        assert intake.registration is not None
        assert intake.registration.matter.area_code == "340122"
        assert hub.catalogue.areas.inside("320508") is False
    finally:
        await hub.close()
