"""Search: every word is found and nothing else, pages have no gaps, filters combine."""

import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Select, event

from schemas.ids import created_at, ticket_no
from schemas.lifecycle import Action
from schemas.matter import Matter
from schemas.parties import Citizen
from schemas.ticket import State, Ticket
from tests.schemas import cases
from tests.ticket_store.filled import ALL, Filled, ids_of
from tests.ticket_store.hub_case import command, register
from tests.ticket_store.reading_case import AREAS, DATABASES, KEY, ReadingCase, case_on
from ticket_store import bigrams
from ticket_store.personal_keys import PersonalKeys
from ticket_store.projection import text_of
from ticket_store.row_queries import QueryRefused, RowQueries
from ticket_store.scope import scope_of
from ticket_store.search_models import ticket_rows
from ticket_store.text_search import TextSearch, TextStatements
from ticket_store.ticket_query import (
    COUNT_CAP,
    CursorRefused,
    Order,
    Position,
    TicketQuery,
    position_of,
)
from ticket_store.to_dos import ToDo


@pytest.fixture(params=DATABASES)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ReadingCase]:
    async with case_on(request.param, tmp_path) as opened:
        yield opened


async def test_every_two_character_word_of_5000_tickets_is_found_and_nothing_else(
    case: ReadingCase,
) -> None:
    filled = await Filled().fill(case, seed=1, count=5_000)
    model: dict[str, set[int]] = {}
    for ticket_id, body in filled.bodies.items():
        text = bigrams.folded(text_of(body))
        for pair in map("".join, pairwise(text)):
            if all("\u4e00" <= letter <= "\u9fff" for letter in pair):
                model.setdefault(pair, set()).add(ticket_id)
    assert len(model) > 1_500
    letters_used = sorted({letter for word in model for letter in word})
    absent = [a + b for a in letters_used for b in letters_used if a + b not in model][:50]
    asked = [*model, *absent, "鲸鱼", "鲸"]
    keys, now = PersonalKeys(KEY), case.clock.now
    sql = TextStatements(case.database.dialect, [ticket_rows.c.ticket_id])

    def by_index(connection: Connection) -> dict[str, list[int]]:
        return {
            word: TextSearch(
                connection, RowQueries(TicketQuery(text=word), ALL, now, keys), keys, sql
            ).newest(None, 10_000)
            for word in asked
        }

    found = await case.database.read(by_index)
    assert {word: set(ids) for word, ids in found.items()} == {
        word: model.get(word, set()) for word in asked
    }
    for word in random.Random(1).sample(asked, 40):  # noqa: S311 - the same words each time
        assert await ids_of(case, TicketQuery(text=word)) == found[word], word


async def test_longer_words_phrases_and_mixed_text_are_verified_on_the_text(
    case: ReadingCase,
) -> None:
    filled = await Filled().fill(case, seed=2, count=800)
    dice = random.Random(2)  # noqa: S311 - the same pieces each time
    for body in dice.sample(list(filled.bodies.values()), 60):
        text = bigrams.folded(body.matter.text)
        start = dice.randrange(len(text) - 12)
        for length in (3, 5, 9):
            piece = text[start : start + length].strip()
            # a Latin word or number is whole, so a piece that cuts one is another question
            if not piece or any(
                edge.isascii() and edge.isalnum() for edge in (piece[0], piece[-1])
            ):
                continue
            if any(letter.isalnum() for letter in piece):
                assert await ids_of(case, TicketQuery(text=piece)) == filled.holding(piece), piece


async def test_bigrams_that_are_present_apart_do_not_make_a_longer_word(case: ReadingCase) -> None:
    await register_texts(case, {"甲": "路灯损坏，灯损很多"}, title="坏路灯")
    assert len(await ids_of(case, TicketQuery(text="路灯损坏"))) == 1
    assert await ids_of(case, TicketQuery(text="坏路灯损坏了")) == []
    assert await ids_of(case, TicketQuery(text="灯损路灯")) == []


async def register_texts(
    case: ReadingCase, texts: dict[str, str], *, title: str = "题"
) -> dict[str, int]:
    """Tickets through the desk, one a text; returns their ids by the keys given."""
    made = {}
    for key, text in texts.items():
        ticket_id = case.ids.next()
        body = cases.registration().model_copy(
            update={"matter": Matter(title=title, text=text, area_code="320508")}
        )
        await case.desk.execute(
            command(Action.REGISTER, cases.OPERATOR, ticket_id, registration=body)
        )
        made[key] = ticket_id
        case.clock.advance(1)
    return made


@pytest.mark.parametrize(
    ("text", "asked", "found"),
    [
        ("单元门口井盖", "盖", True),  # one character, the last of its run
        ("单元门口井盖", "井", True),
        ("ＡＢＣ１２３小区", "abc123", True),  # full width, other case
        ("房号A1203室", "A1203", True),
        ("房号A1203室", "A120", False),  # a number is whole
        ("订单SZ2026-0001号", "sz2026-0001", True),
        ("订单SZ2026-0001号", "2026-0001", False),
        ("停水 三天", "停水三天", False),
        ("停水 三天", "三天 停水", True),
        ("停水，三天", "停水,三天", True),
        ('他说"停水"了', '说"停水"', True),  # no syntax of the index comes through
        ("停水 AND 停电", "停水 OR 断网", False),
        ("停水", "*", False),
        ("停水", "！！", False),
        ("𠀀𠀁巷口", "𠀀𠀁", True),
        ("café拆迁", "café", True),
    ],
)
async def test_words_are_read_as_people_mean_them(
    case: ReadingCase, text: str, asked: str, found: bool
) -> None:
    await register_texts(case, {"it": text, "other": "与此无关的事"})
    assert len(await ids_of(case, TicketQuery(text=asked))) == int(found)


async def test_a_new_ticket_is_found_at_once_by_word_number_phone_and_name(
    case: ReadingCase,
) -> None:
    ticket_id = case.ids.next()
    body = cases.registration(peer="city", source_ticket_no="SZ-77").model_copy(
        update={"citizen": Citizen(name="欧阳某某", phone="+86 138-0000-1234", id_no="TEST0001X")}
    )
    await case.desk.execute(command(Action.REGISTER, cases.OPERATOR, ticket_id, registration=body))
    number = ticket_no(ticket_id)
    asked = ["路灯", "SZ-77", number, number.lower().replace("-", ""), "13800001234"]
    asked += ["138 0000 1234", "008613800001234", "欧阳某某", "test0001x"]
    for text in asked:
        assert await ids_of(case, TicketQuery(text=text)) == [ticket_id], text
    assert await ids_of(case, TicketQuery(phone="138-0000-1234")) == [ticket_id]
    for text in ("13800001235", "欧阳某", "欧阳某某 停水"):
        assert await ids_of(case, TicketQuery(text=text)) == [], text
    assert await ids_of(case, TicketQuery(phone="13800001235")) == []


async def test_a_number_that_no_ticket_has_is_not_counted_and_hides_no_page(
    case: ReadingCase,
) -> None:
    later = case.ids.next() + (1 << 30)
    query = TicketQuery(text=ticket_no(later))
    assert (await case.reading.search.count(query, ALL)).number == 0
    made = await register_texts(case, {key: f"另见{ticket_no(later)}一事" for key in "甲乙丙丁戊"})
    assert (await case.reading.search.count(query, ALL)).number == len(made)
    for size in (1, 2, 5):
        assert await ids_of(case, query, size) == sorted(made.values(), reverse=True)


async def test_phone_and_name_are_in_no_table_of_the_index_in_clear(
    case: ReadingCase, tmp_path: Path
) -> None:
    await case.desk.execute(register(case.ids.next()))
    tables = ["ticket_texts", "ticket_keys", "ticket_rows"]

    def dump(connection: object) -> str:
        return repr([connection.exec_driver_sql(f"SELECT * FROM {t}").all() for t in tables])  # type: ignore[attr-defined]  # noqa: S608  a Connection; our own names

    stored = await case.database.read(dump)
    assert "路灯" in stored
    assert "13800001234" not in stored
    assert "王某" not in stored


async def test_a_corrected_text_is_found_by_its_new_words_only(case: ReadingCase) -> None:
    made = await register_texts(case, {"it": "窨井缺盖"})
    await case.desk.execute(
        command(
            Action.AMEND,
            cases.OPERATOR,
            made["it"],
            matter=Matter(title="树枝", text="树枝压线"),
            citizen=Citizen(name="李某", phone="13800005678"),
        )
    )
    for text in ("窨井", "缺盖", "13800001234"):
        assert await ids_of(case, TicketQuery(text=text)) == [], text
    for text in ("压线", "13800005678", "李某"):
        assert await ids_of(case, TicketQuery(text=text)) == [made["it"]], text


async def test_a_supplement_is_found_with_the_matter(case: ReadingCase) -> None:
    made = await register_texts(case, {"it": "窨井缺盖"})
    await case.desk.execute(
        command(Action.SUPPLEMENT, cases.CITIZEN, made["it"], text="夜间有人跌倒")
    )
    for text in ("跌倒", "窨井", "窨井 跌倒"):
        assert await ids_of(case, TicketQuery(text=text)) == [made["it"]], text


async def test_filters_combine_with_text_and_with_each_other(case: ReadingCase) -> None:
    filled = await Filled().fill(case, seed=3, count=1_500)
    dice = random.Random(3)  # noqa: S311 - the same questions each time
    heads = list(filled.heads.values())
    asked = 0
    for _ in range(120):
        like, word = dice.choice(heads), dice.choice(["", "小区", "停水", "管道", "物业 路灯"])
        parts: dict[str, tuple[object, Callable[[Ticket], bool]]] = {
            "states": ({like.state}, lambda t, v=like.state: t.state == v),
            "area_codes": (
                {like.area_code, AREAS[0]},
                lambda t, v=like.area_code: t.area_code in {v, AREAS[0]},
            ),
            "matter_kinds": (
                {like.matter_kind}, lambda t, v=like.matter_kind: t.matter_kind == v
            ),
            "urgencies": ({like.urgency}, lambda t, v=like.urgency: t.urgency == v),
            "sources": ({like.source}, lambda t, v=like.source: t.source == v),
            "peer": ("city", lambda t: t.peer == "city"),
            "category_code": (
                "城建/道路",
                lambda t: t.category_code in {"城建/道路", "城建/道路/路灯"},
            ),
        }  # fmt: skip
        chosen = dice.sample(sorted(parts), dice.randint(0, 3))
        query = TicketQuery.model_validate(
            {name: parts[name][0] for name in chosen} | {"text": word}
        )
        fits = [parts[name][1] for name in chosen]
        wanted = filled.holding(word, lambda t, fits=fits: all(fit(t) for fit in fits))  # type: ignore[misc]  # its default is the list
        assert await ids_of(case, query, dice.choice([7, 50, 500])) == wanted, query
        count = await case.reading.search.count(query, ALL)
        assert (count.number, count.capped) == (len(wanted), False), query
        asked += bool(wanted)
    assert asked > 40


async def test_a_time_range_is_by_when_the_ticket_came_in(case: ReadingCase) -> None:
    begin = case.clock.now
    filled = await Filled().fill(case, seed=4, count=300, step=86_400)
    edges = [begin + timedelta(days=days) for days in (0, 20, 45, 400)]
    for low, high in pairwise(edges):
        query = TicketQuery(created_from=low, created_before=high)
        for asked in (query, query.model_copy(update={"text": "小区"})):
            wanted = [one for one in filled.holding(asked.text) if low <= created_at(one) < high]
            assert wanted
            for size in (7, 500):  # within one month's index, and over all of them
                assert await ids_of(case, asked, size) == wanted
            assert (await case.reading.search.count(asked, ALL)).number == len(wanted)


async def test_paging_covers_every_row_once_while_others_are_added(case: ReadingCase) -> None:
    filled = await Filled().fill(case, seed=5, count=400)
    there = sorted(filled.bodies, reverse=True)
    for query in (
        TicketQuery(),
        TicketQuery(text="区"),
        TicketQuery(states=frozenset({State.RECEIVED, State.CLOSED})),
    ):
        fits = filled.holding(query.text, lambda t, q=query: not q.states or t.state in q.states)  # type: ignore[misc]  # its default is the query
        wanted = [one for one in fits if one in there]
        seen: list[int] = []
        cursor = None
        while True:
            found = await case.reading.search.find(query, ALL, 23, cursor)
            seen += [row.ticket_id for row in found.rows]
            await filled.fill(case, seed=len(seen), count=3)
            if (cursor := found.cursor) is None:
                break
        assert [one for one in seen if one in there] == [one for one in wanted if one in seen]
        assert set(wanted) <= set(seen)
        assert len(seen) == len(set(seen))
        there = sorted(filled.bodies, reverse=True)


async def test_a_page_that_ends_with_the_last_row_has_no_cursor(case: ReadingCase) -> None:
    await Filled().fill(case, seed=6, count=10)
    for query in (TicketQuery(), TicketQuery(text="SZ6-000003")):
        size = len(await ids_of(case, query))
        found = await case.reading.search.find(query, ALL, size)
        assert (len(found.rows), found.cursor) == (size, None)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "=" * 9,
        "bjox",
        "ZDoxOjI",
        "bjotMQ",
        "n:1",
        "鲸",
        "bjo5OTk5OTk5OTk5OTk5OTk5OTk5OTk5",
    ],
)
async def test_a_cursor_that_is_not_ours_is_refused(case: ReadingCase, cursor: str) -> None:
    if cursor == "bjox":  # ours, so that this test knows what ours look like
        assert position_of(cursor, Order.NEWEST) == Position(1)
        return
    with pytest.raises(CursorRefused):
        await case.reading.search.find(TicketQuery(), ALL, cursor=cursor)


async def test_a_cursor_of_another_order_is_refused(case: ReadingCase) -> None:
    with pytest.raises(CursorRefused):
        await case.reading.search.find(
            TicketQuery(order=Order.DUE), ALL, cursor=Position(1).as_cursor()
        )


@pytest.mark.parametrize("limit", [0, 501])
async def test_a_page_has_a_size_within_bounds(case: ReadingCase, limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 500"):
        await case.reading.search.find(TicketQuery(), ALL, limit)


async def test_a_count_stops_at_its_cap(case: ReadingCase, monkeypatch: pytest.MonkeyPatch) -> None:
    await Filled().fill(case, seed=7, count=60)
    monkeypatch.setattr("ticket_store.search.COUNT_CAP", 40)
    for query in (TicketQuery(), TicketQuery(text="SZ7"), TicketQuery(text="区")):
        everything = len(await ids_of(case, query))
        count = await case.reading.search.count(query, ALL)
        assert (count.number, count.capped) == (min(everything, 40), everything > 40)
    assert str(await case.reading.search.count(TicketQuery(), ALL)) == "40+"
    assert COUNT_CAP == 10_000


async def plan(case: ReadingCase, statement: Select[Any]) -> list[str]:
    """The steps in which the database answers, as it says itself."""
    if case.database.dialect.name != "sqlite":
        pytest.skip("a server plans by statistics; an almost empty table says nothing")

    def explain(connection: Connection) -> list[str]:
        said: list[tuple[str, Any]] = []
        listener = ("before_cursor_execute", lambda *given: said.append(given[2:4]))
        event.listen(connection, *listener)
        connection.execute(statement).all()
        event.remove(connection, *listener)
        ((text, values),) = said
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        return [row.detail for row in rows]

    return await case.database.read(explain)


async def test_lists_are_driven_by_an_index_and_sort_nothing(case: ReadingCase) -> None:
    """No walk over the table, no sort that grows with it."""
    keys, now = PersonalKeys(KEY), case.clock.now
    handler = scope_of(cases.handler("d1"))
    plans = {
        "PRIMARY KEY": (TicketQuery(text="x"), ALL),
        "ix_ticket_rows_state": (TicketQuery(states=frozenset({State.RECEIVED})), ALL),
        "ix_ticket_rows_area_code": (TicketQuery(area_codes=frozenset({"320508"})), ALL),
        "ix_ticket_rows_due_at": (TicketQuery(order=Order.DUE), ALL),
        "ix_ticket_to_dos_list": (TicketQuery(to_do=ToDo.ACCEPTED, order=Order.DUE), ALL),
        "ticket_departments USING PRIMARY KEY": (
            TicketQuery(states=frozenset({State.RECEIVED}), area_codes=frozenset({"320508"})),
            handler,
        ),
        "ticket_keys USING PRIMARY KEY": (TicketQuery(phone="13800001234"), ALL),
    }
    for index, (query, scope) in plans.items():
        after = Position(1 << 50, 1) if query.order is Order.DUE else Position(1 << 50)
        rows = RowQueries(query, scope, now, keys)
        steps = await plan(case, rows.page([ticket_rows.c.title], after, 50))
        assert index in steps[0], (query, steps)
        assert not [one for one in steps if "SCAN ticket" in one or "TEMP B-TREE" in one], steps


async def test_hits_are_read_by_their_ids_whatever_else_is_asked(case: ReadingCase) -> None:
    """Without statistics the state's index looks best: it is said to hold ten rows a state."""
    filled = await Filled().fill(case, seed=8, count=500)
    query = TicketQuery(
        states=frozenset({State.CLOSED}), area_codes=frozenset({"320508"}), overdue=True
    )
    rows = RowQueries(query, ALL, case.clock.now, PersonalKeys(KEY))
    steps = await plan(case, rows.among([ticket_rows.c.title], list(filled.bodies)[:300]))
    assert "USING INTEGER PRIMARY KEY" in steps[0], steps


async def test_a_to_do_of_departments_wants_one_named(case: ReadingCase) -> None:
    with pytest.raises(QueryRefused):
        await case.reading.search.find(TicketQuery(to_do=ToDo.PENDING), ALL)
