"""The work of an action in calls or lines, which is the same on every machine and under any load."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls_of(action: Callable[[], object]) -> int:
    """Count the calls, of Python and of C functions, that an action makes."""
    count = 0

    def watch(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def lines_of(action: Callable[[], object]) -> int:
    """Count the lines of Python that an action runs, comparisons in a loop among them."""
    count = 0

    def watch(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        action()
    finally:
        sys.settrace(before)
    return count
