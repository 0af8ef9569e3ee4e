"""The journal of a run, in the clone's own folder: each agreement as it is reached, for whoever comes after a kill.

One file a run and one line an agreement, on the disk before the next call. It is taken away once the ledger has it all.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from kbsync.agreement_files import agreement_from_json, agreement_to_json
from kbsync.agreements import Agreement

_ENDING = ".journal"


class Journal:
    """Where one run notes what it reached; nothing is created before there is something to note."""

    def __init__(self, folder: Path, run: str) -> None:
        self.place = folder / f"{run}{_ENDING}"

    def note(self, reached: Agreement) -> None:
        """Write an agreement down for good."""
        line = json.dumps(json.loads(agreement_to_json(reached)), ensure_ascii=False)
        self.place.parent.mkdir(parents=True, exist_ok=True)
        with self.place.open("a", encoding="utf-8", errors="surrogatepass") as page:
            page.write(f"{line}\n")
            page.flush()
            os.fsync(page.fileno())


def read_journals(folder: Path) -> tuple[dict[str, Path], tuple[Agreement, ...]]:
    """Read what runs noted here: their files by run, and the agreements but for a line that a kill cut short."""
    places = {place.stem: place for place in sorted(folder.glob(f"*{_ENDING}"))}
    lines = [line for place in places.values() for line in _text(place).split("\n")]
    return places, tuple(reached for reached in map(_agreement, lines) if reached is not None)


def clear_journals(places: Iterable[Path]) -> None:
    """Take away what the ledger has by now."""
    for place in places:
        place.unlink(missing_ok=True)


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8", errors="surrogatepass")
    except FileNotFoundError:
        return ""


def _agreement(line: str) -> Agreement | None:
    try:
        return agreement_from_json(line)
    except ValueError:
        return None
