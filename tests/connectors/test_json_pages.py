import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.json_pages import cut

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_items_keep_the_bytes_of_the_peer() -> None:
    page = cut(
        '{ "next":"7","orders":[ {"a" : 1.50},\n{"名":"\\u738b"} ],"more":false}'.encode(), "orders"
    )
    assert page.items == (b'{"a" : 1.50}', '{"名":"\\u738b"}'.encode())
    assert page.rest == {"next": "7", "more": False}


@given(items=st.lists(JSON, max_size=4), rest=st.dictionaries(st.text(), JSON, max_size=3))
def test_a_page_is_cut_as_json_reads_it(items: list[object], rest: dict[str, object]) -> None:
    rest.pop("orders", None)
    for indent in (None, 2):
        page = cut(json.dumps({**rest, "orders": items}, indent=indent).encode(), "orders")
        assert [json.loads(item) for item in page.items] == items
        assert page.rest == rest


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"orders":{}}',
        b'{"orders":[1,]}',
        b'{"orders":[1 2]}',
        b'{"orders":[1]',
        b'{"orders":[1]}x',
        b'{"orders":[1],}',
        b'{"orders" [1]}',
        b"{1:[1]}",
        b'{"orders":[tru]}',
        b'{"orders":[1],"x":' + b"[" * 100_000,
        b'\xff{"orders":[]}',
    ],
    ids=lambda content: content[:20].decode(errors="replace"),
)
def test_what_is_no_such_page_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        cut(content, "orders")
