"""Numbers: ticket ids and the numbers people read, event ids, command ids."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import (
    EPOCH_MS,
    LAST_SEQUENCE,
    TicketIds,
    created_at,
    delivery_key,
    derived_command_id,
    event_id,
    first_id_at,
    new_command_id,
    past_id,
    split_event_id,
    ticket_id_of,
    ticket_no,
)

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


PLAIN = datetime(2025, 1, 13, tzinfo=UTC)  # from here on a millisecond of id time is one
PAST = st.datetimes(datetime(2000, 1, 2), datetime(2026, 11, 25), timezones=st.just(UTC))


def test_ids_rise_even_when_the_clock_falls() -> None:
    times = iter([milliseconds(NOW), milliseconds(NOW - timedelta(hours=1)), *[0] * 500])
    ids = TicketIds(lambda: next(times))
    handed = [ids.next() for _ in range(400)]
    assert handed == sorted(set(handed))
    assert max(handed) < 2**53


def test_two_nodes_never_hand_out_the_same_id() -> None:
    one, two = (TicketIds(lambda: milliseconds(NOW), node) for node in (1, 2))
    assert not {one.next() for _ in range(300)} & {two.next() for _ in range(300)}


def test_node_outside_its_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="node must be"):
        TicketIds(lambda: 0, 32)


@given(st.integers(milliseconds(PLAIN), EPOCH_MS + (1 << 40)), st.integers(0, 31))
def test_ticket_number_reads_back(now: int, node: int) -> None:
    ticket_id = TicketIds(lambda: now, node).next()
    number = ticket_no(ticket_id)
    assert ticket_id_of(number) == ticket_id
    assert ticket_id_of(number.lower().replace("-", " ")) == ticket_id
    assert milliseconds(created_at(ticket_id)) == now


def test_ticket_number_begins_with_the_day_in_the_hubs_zone() -> None:
    late = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)  # half past midnight in Shanghai
    assert ticket_no(TicketIds(lambda: milliseconds(late)).next()).startswith("ST261125-")


@pytest.mark.parametrize(
    "wrong", ["", "ST", "XX261125-00000000", "ST261125-0000000!", "ST269925-00000000"]
)
def test_what_is_no_ticket_number_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - strptime's own words for a wrong day
        ticket_id_of(wrong)


def test_time_range_is_an_id_range() -> None:
    ticket_id = TicketIds(lambda: milliseconds(NOW)).next()
    assert first_id_at(NOW) <= ticket_id < first_id_at(NOW + timedelta(milliseconds=1))


@given(PAST, PAST)
def test_a_time_range_of_the_past_is_an_id_range(one: datetime, other: datetime) -> None:
    early, late = sorted((one, other))
    assert first_id_at(early) <= first_id_at(late)
    ticket_id = past_id(late, "N1")
    bounds = (late - timedelta(minutes=1), late + timedelta(minutes=1, seconds=1))
    assert bounds[0] <= created_at(ticket_id) <= bounds[1]
    assert (first_id_at(early) <= ticket_id) == (early <= created_at(ticket_id))


@given(PAST, st.text(), st.integers(0, 9))
def test_an_id_of_the_past_is_a_ticket_number(at: datetime, key: str, attempt: int) -> None:
    ticket_id = past_id(at, key, attempt)
    assert ticket_id == past_id(at, key, attempt)
    assert 0 <= ticket_id < 2**53
    assert ticket_id_of(ticket_no(ticket_id)) == ticket_id
    assert abs(created_at(ticket_id) - at) <= timedelta(hours=1, seconds=1)


def test_the_past_meets_the_present_in_january_2025() -> None:
    assert created_at(first_id_at(PLAIN)) == PLAIN
    assert PLAIN - created_at(first_id_at(PLAIN) - 1) == timedelta(milliseconds=762)
    assert created_at(0) == datetime(2000, 1, 1, tzinfo=UTC)
    assert first_id_at(datetime(1999, 12, 31, tzinfo=UTC)) == 0


def test_another_attempt_is_another_id() -> None:
    drawn = {past_id(NOW, "N1", attempt) for attempt in range(20)}
    assert len(drawn) == 20


def test_event_id_takes_apart_again() -> None:
    assert split_event_id(event_id(12345, 7)) == (12345, 7)
    for wrong in (0, LAST_SEQUENCE + 1):
        with pytest.raises(ValueError, match="sequence"):
            event_id(12345, wrong)


def test_command_ids_are_time_ordered_version_7() -> None:
    early, late = new_command_id(1000, 2**127), new_command_id(1001, 0)
    assert early.bytes < late.bytes
    assert (early.version, early.variant) == (7, "specified in RFC 4122")


def test_same_cause_has_the_same_command_id() -> None:
    assert derived_command_id(NOW, "m1", "register") == derived_command_id(NOW, "m1", "register")
    assert derived_command_id(NOW, "m1", "accept") != derived_command_id(NOW, "m1", "register")
    assert derived_command_id(NOW, "a", "bc") != derived_command_id(NOW, "ab", "c")


def test_delivery_key_names_event_and_destination() -> None:
    assert delivery_key(event_id(5, 2), "city") == f"{5 << 10 | 2}.city"
