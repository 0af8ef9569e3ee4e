"""The fixtures of the operations, for the faults found here."""

from tests.engine.conftest import _short_waits, clone, portal, settings, shared

__all__ = ["_short_waits", "clone", "portal", "settings", "shared"]
