from datetime import UTC, datetime

from hub.demo.peers.books import Book, Update

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)


def update(key: str, sequence: int, state: str = "02", ticket: str = "A1") -> Update:
    return Update(ticket_no=ticket, key=key, state_code=state, sequence=sequence, at=NOON)


def test_the_same_key_again_is_a_repeat_without_effect() -> None:
    book = Book()
    assert book.apply(update("k1", 1)) is True
    assert book.apply(update("k1", 1)) is False
    assert (book.doubled, book.out_of_order, book.repeated, len(book)) == (0, 0, 1, 1)
    assert book.applied["A1"] == [("k1", "02", NOON)]


def test_the_same_event_under_two_keys_is_doubled() -> None:
    book = Book()
    book.apply(update("k1", 1))
    assert book.apply(update("k2", 1)) is True
    assert (book.doubled, book.out_of_order) == (1, 0)


def test_an_earlier_event_after_a_later_one_is_out_of_order_and_does_not_set_the_state() -> None:
    book = Book()
    book.apply(update("k3", 3, "05"))
    book.apply(update("k1", 1, "02"))
    assert (book.doubled, book.out_of_order) == (0, 1)
    assert book.state_of("A1") == "05"


def test_tickets_are_counted_apart() -> None:
    book = Book()
    book.apply(update("k3", 3, ticket="A1"))
    book.apply(update("k1", 1, ticket="A2"))
    assert (book.doubled, book.out_of_order) == (0, 0)
    assert book.sequences("A1") == {3}
    assert book.has("k1")


def test_asking_about_an_unknown_ticket_writes_nothing() -> None:
    book = Book()
    assert book.state_of("A9") is None
    assert book.sequences("A9") == frozenset()
    assert dict(book.applied) == {}
