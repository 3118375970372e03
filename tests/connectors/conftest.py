from collections.abc import Iterator

import pytest
import respx


@pytest.fixture
def respx_mock() -> Iterator[respx.Router]:
    """Takes the place of whatever transport a client was given."""
    with respx.mock(using="httpx") as router:
        yield router
