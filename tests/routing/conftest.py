"""The built-in catalogue and one warm proposer for all tests: building takes half a second."""

import pytest

from routing.catalogue import Catalogue
from routing.proposer import Proposer, build_proposer
from tests.routing.letters import TODAY

_built = build_proposer(lambda: TODAY)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return _built[0]


@pytest.fixture(scope="session")
def proposer() -> Proposer:
    return _built[1]
