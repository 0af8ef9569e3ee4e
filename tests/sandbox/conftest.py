"""A portal for the tests of one module that change nothing the others see."""

from collections.abc import Iterator

import pytest

from tests.sandbox.desk import Desk, desk


@pytest.fixture
def front() -> Iterator[Desk]:
    """A portal with every default."""
    with desk() as opened:
        yield opened
