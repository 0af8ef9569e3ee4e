"""Cases from the files in `data`: markdown-it's format of fixtures."""

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from markdown_it.utils import read_fixture_file

DATA = Path(__file__).parent / "data"


def cases(name: str) -> list[ParameterSet]:
    """Return the cases of a file, each as given and expected text."""
    return [
        pytest.param(given, expected, id=f"{line}: {title}")
        for line, title, given, expected in read_fixture_file(DATA / name)
    ]
