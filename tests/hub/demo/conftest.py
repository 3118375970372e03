"""A portal that has no hub: what was submitted is kept in a list."""

import pytest

from hub.demo.peers.web_portal import PortalPeer, Taken


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles that the portal was given; there is no hub here."""
    titles: list[str] = []

    async def submit(_self: PortalPeer, form: dict[str, str], key: str | None = None) -> Taken:
        titles.append(form["title"])
        return Taken("ST261125-7K3M9Q2X", "ABCDEFGH")

    async def act(*_args: object) -> int:
        return 202

    monkeypatch.setattr(PortalPeer, "submit", submit)
    monkeypatch.setattr(PortalPeer, "supplement", act)
    monkeypatch.setattr(PortalPeer, "withdraw", act)
    return titles
