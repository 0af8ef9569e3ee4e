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
    paths: tuple[str, ...] = ()

    def overwrites(self, path: str) -> bool:
        """Tell whether a web edit at a content path, or below it, was said to be written over."""
        return any(path == named or path.startswith(f"{named}/") for named in self.overwrite)
