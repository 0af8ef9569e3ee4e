"""What a target's configuration and one run's flags say about the comparison; a value, no more."""

from dataclasses import dataclass

from kbsync.versions import Addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a target's configuration and one run's flags say about the comparison."""

    addresses: Addresses
    removed: str = "archive"
    moved: str = "archive"
    touched: str = "hold"
    new: str = "all"
    archive_share: float | None = 0.3
    archive_number: int | None = None
    overwrite: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()
    theirs: frozenset[str] = frozenset()
    prune: bool = False
    paths: tuple[str, ...] = ()

    def overwrites(self, path: str) -> bool:
        """Tell whether a web edit at a content path, or below it, was said to be written over."""
        return _names(self.overwrite, path)

    def keeps_ours(self, path: str) -> bool:
        """Tell whether a pull is to leave what lies at a content path as it is, whatever was edited on the portal."""
        return _names(self.ours, path)

    def takes_theirs(self, path: str) -> bool:
        """Tell whether a pull is to take what the portal has for a content path, whatever its writer changed."""
        return _names(self.theirs, path)


def _names(named: frozenset[str], path: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in named)
