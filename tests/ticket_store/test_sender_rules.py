"""Waits, circuit breaker and the meaning of errors, each by itself."""

from datetime import timedelta

import pytest

from schemas.errors import (
    ConnectorError,
    CredentialRefused,
    PayloadNotUnderstood,
    PeerUnavailable,
    RequestRefused,
)
from schemas.outbound import DeliveryState
from tests.ticket_store.hub_case import Clock, seeded
from ticket_store.breaker import Breaker, BreakerRule, Circuit
from ticket_store.endings import ending_of
from ticket_store.schedule import DEFAULT_LAST_TIMES, DEFAULT_WAITS, Schedule

PENDING, UNCERTAIN = DeliveryState.PENDING, DeliveryState.UNCERTAIN
REFUSED, DEAD, HELD = DeliveryState.REFUSED, DeliveryState.DEAD, DeliveryState.HELD


def test_waits_grow_over_days_and_end() -> None:
    schedule, rng = Schedule(jitter=0.0), seeded(1)
    waits = [schedule.wait(tries, rng) for tries in range(1, schedule.most_attempts + 1)]
    assert waits[-1] is None
    numbers = [wait.total_seconds() for wait in waits if wait is not None]
    assert numbers == sorted(numbers) == [
        *DEFAULT_WAITS, *[DEFAULT_WAITS[-1]] * (DEFAULT_LAST_TIMES - 1),
    ]  # fmt: skip
    assert timedelta(days=3) < timedelta(seconds=sum(numbers)) < timedelta(days=7)


def test_jitter_only_lengthens_and_is_seeded() -> None:
    schedule = Schedule(waits=(100.0,), last_times=1, jitter=0.2)
    drawn = [schedule.wait(1, seeded(seed)) for seed in range(50)]
    assert all(
        wait is not None and timedelta(seconds=100) <= wait <= timedelta(seconds=120)
        for wait in drawn
    )
    assert len(set(drawn)) > 40
    assert schedule.wait(1, seeded(3)) == drawn[3]


def test_a_breaker_opens_probes_and_closes() -> None:
    clock = Clock()
    rule = BreakerRule(failures=3, first_wait_seconds=10.0, longest_wait_seconds=35.0)
    breaker = Breaker(rule, clock)
    assert [breaker.failed() for _ in range(2)] == [False, False]
    assert not breaker.succeeded()  # an answer in between: counted from none again
    assert [breaker.failed() for _ in range(3)] == [False, False, True]
    assert (breaker.circuit, breaker.seconds_to_probe()) == (Circuit.OPEN, 10.0)
    assert not breaker.failed()  # was under way when it opened: changes nothing
    assert breaker.seconds_to_probe() == 10.0

    waits = []
    for _ in range(3):
        clock.advance(breaker.seconds_to_probe())
        assert breaker.circuit is Circuit.HALF_OPEN
        assert breaker.seconds_to_probe() == 0.0
        assert not breaker.failed()
        waits.append(breaker.seconds_to_probe())
    assert waits == [20.0, 35.0, 35.0]
    clock.advance(35)
    assert breaker.succeeded()
    assert (breaker.circuit, breaker.seconds_to_probe()) == (Circuit.CLOSED, 0.0)
    assert not breaker.succeeded()
    assert [breaker.failed() for _ in range(3)] == [False, False, True]
    assert breaker.seconds_to_probe() == 10.0


@pytest.mark.parametrize(
    ("kind", "state", "silent"),
    [
        (PeerUnavailable, PENDING, True),
        (CredentialRefused, HELD, False),
        (RequestRefused, REFUSED, False),
        (PayloadNotUnderstood, DEAD, False),
        (ConnectorError, UNCERTAIN, False),
    ],
)
def test_errors_of_a_sending(
    kind: type[ConnectorError], state: DeliveryState, silent: bool
) -> None:
    ending = ending_of(kind("city", "why", peer_code="E1"), asking=False)
    assert (ending.state, ending.silent) == (state, silent)
    assert ending.in_doubt is (state is UNCERTAIN)
    assert (ending.peer_code, ending.detail) == ("E1", "why")

    for asking, uncertain in ((True, False), (False, True), (True, True)):
        doubtful = ending_of(kind("city", "why", uncertain=uncertain), asking=asking)
        assert doubtful.in_doubt
        assert doubtful.state is (HELD if kind is CredentialRefused else UNCERTAIN)


def test_what_no_connector_should_raise_is_in_doubt() -> None:
    late = ending_of(TimeoutError(), asking=False)
    fault = ending_of(KeyError("phone 1"), asking=False)
    assert (late.state, late.silent, late.in_doubt) == (UNCERTAIN, True, True)
    assert (fault.state, fault.silent, fault.in_doubt) == (UNCERTAIN, None, True)
    assert fault.detail == "fault: KeyError"  # its words may hold personal data
