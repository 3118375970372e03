"""Are letters found by any two-character word as soon as the portal has handed them in?

Feeds letters through the portal API of a whole hub (web and worker in this process, store and
broker on disk), then asks the API for two-character words and compares with a look through the
letters themselves: every letter that holds the word must be found, and no other.

    python -m benchmarks.letters --letters FILE.jsonl[.gz] [--count 4000] [--words 300] [--json]
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from hub.assembly import build
from hub.demo.cast import create_cast
from hub.demo.city import Letter, read_letters
from hub.settings import load
from hub.stored import utc_now
from hub.web import running_web
from hub.worker import running_worker
from schemas.ids import ticket_id_of

AT_ONCE = 8
_WORD = re.compile(r"[\u4e00-\u9fff]{2}")
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Result:
    """seconds_to_searchable: from the last answer of the portal until all were found by a list.

    missed, wrong: letters that a word should have found and did not; that it found and should not.
    """

    letters: int
    handed_in_per_s: float
    seconds_to_searchable: float
    words: int
    found: int
    missed: int
    wrong: int
    search_ms: dict[str, float]


async def measure(letters: Sequence[Letter], words: int, seed: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="sutong-letters-") as folder:
        settings = load(
            home=Path(folder),
            port=0,
            log_level="warning",
            peers={"portal": {"dialect": "web_portal"}},
        )
        hub = await build(settings, migrating=True)
        try:
            cast = await create_cast(hub.store.people, ())
            async with running_worker(hub) as worker, running_web(hub, worker) as site:
                client = httpx.AsyncClient(base_url=site.url, timeout=30, trust_env=False)
                async with client:
                    return await _measure(client, cast.leader, letters, words, seed)
        finally:
            await hub.close()


async def _measure(
    client: httpx.AsyncClient, token: str, letters: Sequence[Letter], words: int, seed: int
) -> Result:
    begun = time.monotonic()
    ids = await _hand_in(client, letters)
    handed_in = time.monotonic()
    while len(await _search(client, token, {"state": "received"})) < len(letters):
        if time.monotonic() - handed_in > _PATIENCE_SECONDS:
            break
    searchable = time.monotonic() - handed_in
    texts = {ids[n]: f"{one.title}\n{one.text}" for n, one in enumerate(letters)}
    found = missed = wrong = 0
    times: list[float] = []
    for word in _words(list(texts.values()), words, random.Random(seed)):
        hits = await _search(client, token, {"text": word}, times)
        due = {ticket_id for ticket_id, text in texts.items() if word in text}
        found += len(due & hits)
        missed += len(due - hits)
        wrong += len(hits - due)
    return Result(
        letters=len(letters),
        handed_in_per_s=round(len(letters) / (handed_in - begun), 1),
        seconds_to_searchable=round(searchable, 2),
        words=words,
        found=found,
        missed=missed,
        wrong=wrong,
        search_ms=_percentiles(times),
    )


async def _hand_in(client: httpx.AsyncClient, letters: Sequence[Letter]) -> list[int]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, letter: Letter) -> int:
        form = {
            "title": letter.title,
            "text": letter.text,
            "citizen": {"name": "王某", "phone": f"1380000{number % 10_000:04d}"},
        }
        async with room:
            answer = await client.post(
                "/api/portal/v1/matters", json=form, headers={"Idempotency-Key": f"letter-{number}"}
            )
        answer.raise_for_status()
        return ticket_id_of(answer.json()["ticket_no"])

    return list(await asyncio.gather(*(one(n, letter) for n, letter in enumerate(letters))))


async def _search(
    client: httpx.AsyncClient, token: str, asked: dict[str, str], times: list[float] | None = None
) -> set[int]:
    """Every ticket that the filters find, page by page; `times` gets the seconds of each page."""
    hits: set[int] = set()
    cursor: str | None = None
    while True:
        begun = time.perf_counter()
        answer = await client.get(
            "/api/v1/tickets",
            params=asked | {"limit": "100"} | ({"cursor": cursor} if cursor else {}),
            headers={"Authorization": f"Bearer {token}"},
        )
        if times is not None:
            times.append(time.perf_counter() - begun)
        answer.raise_for_status()
        page = answer.json()
        hits |= {row["ticket_id"] for row in page["tickets"]}
        if (cursor := page["cursor"]) is None:
            return hits


def _words(texts: list[str], count: int, dice: random.Random) -> list[str]:
    """Two-character words, frequent and rare ones alike, as they stand in the letters."""
    words: set[str] = set()
    while len(words) < count:
        pairs = _WORD.findall(dice.choice(texts))
        if pairs:
            words.add(dice.choice(pairs))
    return sorted(words)


def _percentiles(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {f"p{n}": round(cuts[n - 1] * 1000, 2) for n in (50, 95, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--letters", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    letters = read_letters(given.letters)[: given.count]
    result = asyncio.run(measure(letters, given.words, given.seed))
    shown: dict[str, Any] = asdict(result) | {"at": utc_now().date().isoformat()}
    print(json.dumps(shown) if given.json else json.dumps(shown, indent=2))
    raise SystemExit(1 if result.missed or result.wrong else 0)


if __name__ == "__main__":
    main()
