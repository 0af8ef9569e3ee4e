"""The fixtures of the operations, for what was found here."""

from tests.engine.conftest import _short_waits, clone, portal, settings, shared

__all__ = ["_short_waits", "clone", "portal", "settings", "shared"]
