"""What one run's flags say about the comparison."""

from pathlib import Path

import pytest

from kbsync.config import Config
from kbsync.engine.render import LinkResolver
from kbsync.planner.decide import PlanRules


@pytest.mark.parametrize(
    ("path", "is_meant"),
    [
        ("kb/faq/reset.md", True),
        ("kb/news/today.md", True),
        ("kb/news", True),
        ("kb/newsroom/a.md", False),
        ("kb/faq/other.md", False),
        ("kb", False),
    ],
)
def test_overwrite_means_a_path_and_what_lies_below_it(path: str, is_meant: bool) -> None:
    addresses = LinkResolver(Config(root=Path()), frozenset())
    rules = PlanRules(addresses=addresses, overwrite=frozenset({"kb/faq/reset.md", "kb/news"}))
    assert rules.overwrites(path) is is_meant
