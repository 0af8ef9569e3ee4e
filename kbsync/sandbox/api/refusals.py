"""The ways in which the API says no, each with the body that is documented or recorded for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kbsync.sandbox.account import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One thing wrong with a body or a query."""

    field: str
    message: str
    code: str


class Refused(Exception):
    """A call that ends with something else than what was asked; an empty `body` is sent as nothing at all."""

    def __init__(
        self, status: int, body: dict[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def invalid(wrongs: Iterable[Wrong], *, status: int = 400) -> Refused:
    """Refuse a body or a query (documented)."""
    errors = [{"field": wrong.field, "message": wrong.message, "code": wrong.code} for wrong in wrongs]
    return Refused(status, {"description": "Validation failed", "errors": errors})


def missing_field(field: str) -> Wrong:
    """Name a mandatory attribute that is not there (documented)."""
    return Wrong(field=field, message="Mandatory attribute missing", code="missing_field")


def invalid_field(field: str) -> Wrong:
    """Name a key that is not in the reference (documented); a key may hold halves of characters."""
    named = field.encode("utf-8", "replace").decode()
    return Wrong(field=named, message="Unexpected/invalid field in request", code="invalid_field")


def mismatch(field: str, wanted: str) -> Wrong:
    """Name a value of another type than the reference gives."""
    return Wrong(field=field, message=f"It should be a/an {wanted}", code="datatype_mismatch")


def invalid_value(field: str, message: str) -> Wrong:
    """Name a value that cannot be."""
    return Wrong(field=field, message=message, code="invalid_value")


def coded(status: int, code: str, message: str) -> Refused:
    """Refuse with a code and a message, the shape of everything that is no 400."""
    return Refused(status, {"code": code, "message": message})


def unauthorised() -> Refused:
    """Refuse a wrong key or none."""
    return coded(401, "invalid_credentials", "You have to be logged in to perform this action.")


def forbidden() -> Refused:
    """Refuse what the key has no right to."""
    return coded(403, "access_denied", "You are not authorized to perform this action.")


def feature_missing(feature: str) -> Refused:
    """Refuse what the plan of the account does not have."""
    return coded(403, "require_feature", f"The {feature} feature is not supported in your plan.")


def absent(account: Account, kind: str, id_: int) -> Refused:
    """Refuse an id: 404 without a body, or 403 for one that was deleted where the account is set so (both seen)."""
    if account.settings.gone == 403 and account.store.database.existed(kind, id_):
        return forbidden()
    return Refused(404)


def duplicate(account: Account, field: str) -> Refused:
    """Refuse a name that is taken; which of the two bodies a real account sends is unknown."""
    message = "It should be a unique value"
    if account.settings.duplicate_body == "code":
        return coded(409, "duplicate_value", f"{field}: {message}")
    return invalid([Wrong(field=field, message=message, code="duplicate_value")], status=409)
