"""The errors of the API, and the validation of request bodies, which reports every problem at once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kbsync.sandbox.account import Account
from kbsync.sandbox.settings import SandboxSettings

MAX_INTEGER = 2**63 - 1
TAG_LIMIT = 32
SEO_KEYS = ("meta_title", "meta_description", "meta_keywords")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One problem with a field of a body or a query."""

    field: str
    message: str
    code: str


class ApiError(Exception):
    """An error response; without a `body` the response is empty."""

    def __init__(
        self, status: int, body: dict[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def validation_failed(errors: Iterable[FieldError], *, status: int = 400) -> ApiError:
    """Return the error for a body or a query that is not valid (documented)."""
    written = [{"field": error.field, "message": error.message, "code": error.code} for error in errors]
    return ApiError(status, {"description": "Validation failed", "errors": written})


def missing_field(field: str) -> FieldError:
    """Return the error for a mandatory field that is missing (documented)."""
    return FieldError(field=field, message="Mandatory attribute missing", code="missing_field")


def invalid_field(field: str) -> FieldError:
    """Return the error for a field that the reference does not have (documented); it may contain lone surrogates."""
    encodable = field.encode("utf-8", "replace").decode()
    return FieldError(field=encodable, message="Unexpected/invalid field in request", code="invalid_field")


def datatype_mismatch(field: str, wanted: str) -> FieldError:
    """Return the error for a value of the wrong type."""
    return FieldError(field=field, message=f"It should be a/an {wanted}", code="datatype_mismatch")


def invalid_value(field: str, message: str) -> FieldError:
    """Return the error for a value that is not valid."""
    return FieldError(field=field, message=message, code="invalid_value")


def error_with_code(status: int, code: str, message: str) -> ApiError:
    """Return an error with a code and a message, the form of all errors other than 400."""
    return ApiError(status, {"code": code, "message": message})


def feature_not_supported(feature: str) -> ApiError:
    """Return the error for a feature that the plan of the account does not have."""
    return error_with_code(403, "require_feature", f"The {feature} feature is not supported in your plan.")


def not_found(account: Account, kind: str, id_: int) -> ApiError:
    """Return the error for an unknown id: 404 without a body, or 403 for a deleted item by `gone` (both seen)."""
    if account.settings.gone == 403 and account.store.database.existed(kind, id_):
        return error_with_code(403, "access_denied", "You are not authorized to perform this action.")
    return ApiError(404)


def duplicate_value(account: Account, field: str) -> ApiError:
    """Return the error for a name that is not unique; which of the two bodies a real account sends is unknown."""
    message = "It should be a unique value"
    if account.settings.duplicate_body == "code":
        return error_with_code(409, "duplicate_value", f"{field}: {message}")
    return validation_failed([FieldError(field=field, message=message, code="duplicate_value")], status=409)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """The values that are valid for one field."""

    kind: Literal["text", "integer", "integers", "tags", "seo"]
    mandatory: bool = False
    blank: bool = True
    null: bool = False
    among: tuple[int, ...] = ()
    limit: int | None = None


FieldRules = dict[str, FieldRule]


def category_rules(settings: SandboxSettings) -> FieldRules:
    """Return the rules for a category; only accounts with several portals have `visible_in_portals` (documented)."""
    rules = translation_rules(settings)
    if len(settings.portals) > 1:
        rules["visible_in_portals"] = FieldRule(kind="integers", among=settings.portals)
    return rules


def folder_rules(settings: SandboxSettings) -> FieldRules:
    """Return the rules for a folder."""
    return {
        **translation_rules(settings),
        "parent_folder_id": FieldRule(kind="integer", null=True),
        "visibility": FieldRule(kind="integer", among=(1, 2, 3, 4, 5, 6, 7)),
        "company_ids": FieldRule(kind="integers"),
        "contact_segment_ids": FieldRule(kind="integers"),
        "company_segment_ids": FieldRule(kind="integers"),
    }


def article_rules(settings: SandboxSettings, *, updating: bool) -> FieldRules:
    """Return the rules for an article; `agent_id` is valid in updates only (documented)."""
    rules = {
        "title": FieldRule(kind="text", mandatory=True, blank=False, limit=settings.title_limit),
        "description": FieldRule(kind="text", mandatory=True, limit=settings.body_limit),
        "status": FieldRule(kind="integer", mandatory=True, among=(1, 2)),
        "tags": FieldRule(kind="tags"),
        "seo_data": FieldRule(kind="seo"),
    }
    if updating:
        rules["agent_id"] = FieldRule(kind="integer", among=tuple(agent.id for agent in settings.agents))
    return rules


def translation_rules(settings: SandboxSettings) -> FieldRules:
    """Return the rules for a category or folder in another language."""
    return {
        "name": FieldRule(kind="text", mandatory=True, blank=False, limit=settings.title_limit),
        "description": FieldRule(kind="text", null=True),
    }


def validate(body: dict[str, Any], rules: FieldRules, *, updating: bool = False) -> dict[str, Any]:
    """Return a body that is valid; raise `ApiError` with every problem of one that is not."""
    errors = [invalid_field(key) for key in body if key not in rules]
    for key, rule in rules.items():
        if key in body:
            is_valid_null = body[key] is None and rule.null
            errors += [] if is_valid_null else _ERRORS_BY_KIND[rule.kind](key, body[key], rule)
        elif rule.mandatory and not updating:
            errors.append(missing_field(key))
    if errors:
        raise validation_failed(errors)
    return body


def _text_errors(key: str, value: Any, rule: FieldRule) -> list[FieldError]:
    if not isinstance(value, str):
        return [datatype_mismatch(key, "String")]
    if not _is_unicode(value):
        return [invalid_value(key, "It should be valid Unicode")]
    if not rule.blank and not value.strip():
        return [invalid_value(key, "It should not be blank as this is a mandatory field")]
    if rule.limit is not None and len(value) > rule.limit:
        return [invalid_value(key, f"It should have maximum of {rule.limit} characters")]
    return []


def _integer_errors(key: str, value: Any, rule: FieldRule) -> list[FieldError]:
    if not _is_integer(value):
        return [datatype_mismatch(key, "Integer")]
    if rule.among and value not in rule.among:
        return [invalid_value(key, f"It should be one of these values: '{','.join(map(str, rule.among))}'")]
    return []


def _integer_list_errors(key: str, value: Any, rule: FieldRule) -> list[FieldError]:
    if not isinstance(value, list):
        return [datatype_mismatch(key, "Array")]
    if not all(_is_integer(one) for one in value):
        return [datatype_mismatch(key, "Array of Integers")]
    if rule.among and not set(value) <= set(rule.among):
        return [invalid_value(key, f"It should contain only these values: '{','.join(map(str, rule.among))}'")]
    return []


def _tag_errors(key: str, value: Any, _: FieldRule) -> list[FieldError]:
    if not isinstance(value, list):
        return [datatype_mismatch(key, "Array")]
    if not all(isinstance(tag, str) for tag in value):
        return [datatype_mismatch(key, "Array of Strings")]
    if any(len(tag) > TAG_LIMIT for tag in value):
        return [invalid_value(key, f"It should only contain elements that have maximum of {TAG_LIMIT} characters")]
    if not all(tag.strip() and _is_unicode(tag) for tag in value):
        return [invalid_value(key, "It should only contain elements that are not blank")]
    return []


def _seo_errors(key: str, value: Any, _: FieldRule) -> list[FieldError]:
    if not isinstance(value, dict):
        return [datatype_mismatch(key, "key/value pair")]
    errors = [invalid_field(f"{key}.{name}") for name in value if name not in SEO_KEYS]
    for name in ("meta_title", "meta_description"):
        if name in value:
            errors += _text_errors(f"{key}.{name}", value[name], FieldRule(kind="text"))
    keywords = value.get("meta_keywords", [])
    if not isinstance(keywords, list) or not all(isinstance(one, str) and _is_unicode(one) for one in keywords):
        errors.append(datatype_mismatch(f"{key}.meta_keywords", "Array of Strings"))
    return errors


_ERRORS_BY_KIND = {
    "text": _text_errors,
    "integer": _integer_errors,
    "integers": _integer_list_errors,
    "tags": _tag_errors,
    "seo": _seo_errors,
}


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER


def _is_unicode(value: str) -> bool:
    return not re.search(r"[\ud800-\udfff]", value)
