"""Spans of time as they are typed: `90s`, `30m`, `12h`, `7d`."""

import re
from datetime import timedelta
from typing import Any

import click

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MOST = 10**6


class Span(click.ParamType[timedelta]):
    """A number and a unit; without a unit nobody knows whether seconds or days are meant."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read a span; what is one already stays as it is, being a default."""
        if isinstance(value, timedelta):
            return value
        if str(value).strip() == "0":
            return timedelta(0)
        said = re.fullmatch(r"([0-9]+)([smhd])", str(value).strip())
        if said is None or int(said[1]) > _MOST:
            self.fail(f"{value!r} is no span of time; write 90s, 30m, 12h or 7d", param, ctx)
        return timedelta(**{_UNITS[said[2]]: int(said[1])})
