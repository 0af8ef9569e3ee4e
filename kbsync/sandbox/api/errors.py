"""Which keys a body may have and what their values must be; every problem of a body is told at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from kbsync.sandbox.account import Account
from kbsync.sandbox.settings import SandboxSettings


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
    """Return a mandatory attribute that is not there (documented)."""
    return Wrong(field=field, message="Mandatory attribute missing", code="missing_field")


def invalid_field(field: str) -> Wrong:
    """Return a key that is not in the reference (documented); a key may hold halves of characters."""
    named = field.encode("utf-8", "replace").decode()
    return Wrong(field=named, message="Unexpected/invalid field in request", code="invalid_field")


def mismatch(field: str, wanted: str) -> Wrong:
    """Return a value of another type than the reference gives."""
    return Wrong(field=field, message=f"It should be a/an {wanted}", code="datatype_mismatch")


def invalid_value(field: str, message: str) -> Wrong:
    """Return a value that cannot be."""
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


LARGEST = 2**63 - 1
TAG_LIMIT = 32
SEO_KEYS = ("meta_title", "meta_description", "meta_keywords")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one key's value must be."""

    kind: Literal["text", "integer", "integers", "tags", "seo"]
    mandatory: bool = False
    blank: bool = True
    null: bool = False
    among: tuple[int, ...] = ()
    limit: int | None = None


Rules = dict[str, Rule]


def category_rules(settings: SandboxSettings) -> Rules:
    """Return the rules for a category; `visible_in_portals` is for accounts with several portals (documented)."""
    rules = {
        "name": Rule(kind="text", mandatory=True, blank=False, limit=settings.title_limit),
        "description": Rule(kind="text", null=True),
    }
    if len(settings.portals) > 1:
        rules["visible_in_portals"] = Rule(kind="integers", among=settings.portals)
    return rules


def folder_rules(settings: SandboxSettings) -> Rules:
    """Return the rules for a folder."""
    return {
        "name": Rule(kind="text", mandatory=True, blank=False, limit=settings.title_limit),
        "description": Rule(kind="text", null=True),
        "parent_folder_id": Rule(kind="integer", null=True),
        "visibility": Rule(kind="integer", among=(1, 2, 3, 4, 5, 6, 7)),
        "company_ids": Rule(kind="integers"),
        "contact_segment_ids": Rule(kind="integers"),
        "company_segment_ids": Rule(kind="integers"),
    }


def article_rules(settings: SandboxSettings, *, updating: bool) -> Rules:
    """Return the rules for an article; `agent_id` is for updates alone (documented)."""
    rules = {
        "title": Rule(kind="text", mandatory=True, blank=False, limit=settings.title_limit),
        "description": Rule(kind="text", mandatory=True, limit=settings.body_limit),
        "status": Rule(kind="integer", mandatory=True, among=(1, 2)),
        "tags": Rule(kind="tags"),
        "seo_data": Rule(kind="seo"),
    }
    if updating:
        rules["agent_id"] = Rule(kind="integer", among=tuple(agent.id for agent in settings.agents))
    return rules


def translation_rules(settings: SandboxSettings) -> Rules:
    """Return the rules for a category or folder in another language."""
    return {key: rule for key, rule in category_rules(settings).items() if key in ("name", "description")}


def check(body: dict[str, Any], rules: Rules, *, updating: bool = False) -> dict[str, Any]:
    """Give back a body in which nothing is wrong; raises `Refused` with all that is."""
    wrongs = [invalid_field(key) for key in body if key not in rules]
    for key, rule in rules.items():
        if key in body:
            wrongs += _wrongs(key, body[key], rule)
        elif rule.mandatory and not updating:
            wrongs.append(missing_field(key))
    if wrongs:
        raise invalid(wrongs)
    return body


def _wrongs(key: str, value: Any, rule: Rule) -> list[Wrong]:
    if value is None and rule.null:
        return []
    match rule.kind:
        case "text":
            return _wrong_text(key, value, rule)
        case "integer":
            return _wrong_integer(key, value, rule)
        case "integers":
            return _wrong_integers(key, value, rule)
        case "tags":
            return _wrong_tags(key, value)
        case "seo":
            return _wrong_seo(key, value)
        case _:
            assert_never(rule.kind)


def _wrong_text(key: str, value: Any, rule: Rule) -> list[Wrong]:
    if not isinstance(value, str):
        return [mismatch(key, "String")]
    if not _is_unicode(value):
        return [invalid_value(key, "It should be valid Unicode")]
    if not rule.blank and not value.strip():
        return [invalid_value(key, "It should not be blank as this is a mandatory field")]
    if rule.limit is not None and len(value) > rule.limit:
        return [invalid_value(key, f"It should have maximum of {rule.limit} characters")]
    return []


def _wrong_integer(key: str, value: Any, rule: Rule) -> list[Wrong]:
    if not _is_integer(value):
        return [mismatch(key, "Integer")]
    if rule.among and value not in rule.among:
        return [invalid_value(key, f"It should be one of these values: '{','.join(map(str, rule.among))}'")]
    return []


def _wrong_integers(key: str, value: Any, rule: Rule) -> list[Wrong]:
    if not isinstance(value, list):
        return [mismatch(key, "Array")]
    if not all(_is_integer(one) for one in value):
        return [mismatch(key, "Array of Integers")]
    if rule.among and not set(value) <= set(rule.among):
        return [invalid_value(key, f"It should contain only these values: '{','.join(map(str, rule.among))}'")]
    return []


def _wrong_tags(key: str, value: Any) -> list[Wrong]:
    if not isinstance(value, list):
        return [mismatch(key, "Array")]
    if not all(isinstance(tag, str) for tag in value):
        return [mismatch(key, "Array of Strings")]
    if any(len(tag) > TAG_LIMIT for tag in value):
        return [invalid_value(key, f"It should only contain elements that have maximum of {TAG_LIMIT} characters")]
    if not all(tag.strip() and _is_unicode(tag) for tag in value):
        return [invalid_value(key, "It should only contain elements that are not blank")]
    return []


def _wrong_seo(key: str, value: Any) -> list[Wrong]:
    if not isinstance(value, dict):
        return [mismatch(key, "key/value pair")]
    wrongs = [invalid_field(f"{key}.{name}") for name in value if name not in SEO_KEYS]
    for name in ("meta_title", "meta_description"):
        if name in value:
            wrongs += _wrong_text(f"{key}.{name}", value[name], Rule(kind="text"))
    words = value.get("meta_keywords", [])
    if not isinstance(words, list) or not all(isinstance(word, str) and _is_unicode(word) for word in words):
        wrongs.append(mismatch(f"{key}.meta_keywords", "Array of Strings"))
    return wrongs


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
