"""One target's settings for one run: flags over environment over `kbsync.toml` over defaults.

It finds the root, checks every key and value of the file, and finds the API key for a host that may have it. It makes
no calls and writes nothing.
"""

import difflib
import ipaddress
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from kbsync.errors import ConfigError, Problem, UsageError
from kbsync.leaks import NO_KEYS, SANDBOX_KEY, KeyFinder
from kbsync.markup.options import MarkupOptions
from kbsync.markup.placeholders import is_variable_name
from kbsync.rules import selector_error

CONFIG_FILE = "kbsync.toml"
LOCK_FOLDER = ".kbsync"
"""The directory of the lock files of all targets."""
DEFAULT_TARGET = "production"
_NAME = re.compile(r"[a-z0-9-]+")
# Programs disagree about other characters: some end the host of https://evil.example\.freshdesk.com at the backslash.
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_CHOICES = {
    "removed": ("archive", "delete", "keep"),
    "moved": ("archive", "pointer", "refuse"),
    "touched": ("hold", "go"),
    "new": ("none", "managed-folders", "all"),
    "style": ("keep", "clean"),
    "create_order": ("files", "any"),
    "reread": ("folder", "article"),
}
_TEXTS = ("url", "public_url", "language", "branch", "assets_url", *_CHOICES)
_LISTS = ("languages", "ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one run against one target; see the reference of `kbsync.toml` for what each means."""

    root: Path
    target: str = DEFAULT_TARGET
    url: str = ""
    url_is_from_file: bool = field(default=False, compare=False)
    leaks: KeyFinder = field(default=NO_KEYS, compare=False, repr=False)
    public_url: str = ""
    language: str = "en"
    languages: tuple[str, ...] = ()
    branch: str = ""
    assets_url: str = ""
    removed: str = "archive"
    moved: str = "archive"
    touched: str = "hold"
    new: str = "managed-folders"
    style: str = "keep"
    create_order: str = "files"
    reread: str = "folder"
    share: float = 0.8
    archive_share: float | None = 0.3
    archive_number: int | None = None
    remote: str = "origin"
    ignore: tuple[str, ...] = ()
    ignored_keys: frozenset[str] = frozenset()
    title: str = "heading"
    lint_ignore: tuple[str, ...] = ()
    subfolders: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    markup: MarkupOptions = MarkupOptions()  # noqa: RUF009  (frozen)

    @property
    def readers_url(self) -> str:
        """The start of the addresses that readers see."""
        return self.public_url or self.url


def find_root(start: Path, wanted: str | None) -> Path:
    """Return the directory named, that of the nearest `kbsync.toml` upward, or `content/`; else raise UsageError."""
    if wanted:
        root = Path(wanted)
        if not root.is_dir():
            raise UsageError(f"{wanted} is not a directory", advice="give the directory that contains kbsync.toml")
        return root.resolve()
    for folder in (start, *start.parents):
        if (folder / CONFIG_FILE).is_file():
            return folder.resolve()
    if (start / "content" / CONFIG_FILE).is_file():
        return (start / "content").resolve()
    advice = "create one (see the README), or give the content root with --root"
    raise UsageError(f"{CONFIG_FILE} not found in this directory, its parents or content/", advice=advice)


def load_config(root: Path, flags: Mapping[str, object], environ: Mapping[str, str]) -> Config:
    """Read one target's settings; `flags` has those of the command line, by the name of the setting.

    Raises:
        ConfigError: the file has unknown keys or wrong values, with every problem found.
        UsageError: a flag or a variable of the environment is wrong.
    """
    text = _text_of(root / CONFIG_FILE)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+), column (\d+)", str(error))
        line, column = map(int, found.groups()) if found else (len(text.splitlines()), 1)
        problem = Problem(code="KB101", path=CONFIG_FILE, line=line, column=column, message=f"not valid TOML: {error}")
        raise ConfigError((problem,)) from error
    except (RecursionError, ValueError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"
        raise ConfigError((Problem(code="KB101", path=CONFIG_FILE, message=f"not valid TOML: {what}"),)) from None
    target = _target_of(flags, environ, table)
    reader = _ConfigReader(text)
    settings = reader.settings(table, target)
    if reader.problems:
        raise ConfigError(tuple(reader.problems))
    settings |= _from_environment(environ)
    settings |= {name: value for name, value in flags.items() if value is not None and name != "target"}
    is_from_file = flags.get("url") is None and "KBSYNC_URL" not in environ
    settings |= {"url_is_from_file": is_from_file, "leaks": KeyFinder.of(environ)}
    config = Config(root=root, target=target, **settings)  # type: ignore[arg-type]
    return replace(config, url=config.url.rstrip("/"), public_url=config.public_url.rstrip("/"))


def _text_of(path: Path) -> str:
    if path.is_symlink():
        raise UsageError(f"{path} is a symbolic link", advice="replace it with the file itself: links are not followed")
    try:
        # Editors on Windows write a byte order mark, which TOML does not allow.
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", advice="fix its permissions") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = Problem(code="KB101", path=CONFIG_FILE, line=line, message="is not UTF-8", advice="save it as UTF-8")
        raise ConfigError((problem,)) from error


def _target_of(flags: Mapping[str, object], environ: Mapping[str, str], table: Mapping[str, object]) -> str:
    name = flags.get("target") or environ.get("KBSYNC_TARGET") or DEFAULT_TARGET
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a valid target name", advice="use a-z, 0-9 and hyphens")
    targets = table.get("targets")
    known = sorted(targets) if isinstance(targets, dict) else []
    if known and name not in known:
        raise UsageError(f"{CONFIG_FILE} has no target {name!r}", advice=f"known targets: {', '.join(known)}")
    return name


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    found = {name: environ[variable] for name in _TEXTS if (variable := f"KBSYNC_{name.upper()}") in environ}
    for name, value in found.items():
        if value not in _CHOICES.get(name, (value,)):
            raise UsageError(
                f"KBSYNC_{name.upper()} cannot be {value!r}", advice=f"use one of {', '.join(_CHOICES[name])}"
            )
    return found


class _ConfigReader:
    """Checks one file and collects its problems."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.problems: list[Problem] = []

    def settings(self, table: Mapping[str, object], target: str) -> dict[str, object]:
        self._known(
            table,
            ("targets", "limits", "ledger", "front_matter", "ignore", "variables", "markup", "pull", "lint"),
            "the file",
        )
        targets = self._section(table, "targets").items()
        found = {name: self._target_settings(section, f"targets.{name}") for name, section in targets}.get(target, {})
        found |= self._limits(self._section(table, "limits"))
        ledger = self._section(table, "ledger")
        self._known(ledger, ("remote",), "[ledger]")
        found |= self._texts(ledger, ("remote",))
        found |= self._texts_in_lists(table, ("ignore",))
        if "variables" in table:
            found["variables"] = self._variables(self._section(table, "variables"))
        if "lint" in table:
            found["lint_ignore"] = self._lint(self._section(table, "lint"))
        pull = self._section(table, "pull")
        self._known(pull, ("keep_classes",), "[pull]")
        kept = self._texts_in_lists(pull, ("keep_classes",)).get("keep_classes", ())
        for name in kept:
            if name.split() != [name]:
                self._problem("keep_classes", f"keep_classes has {name!r}", "names of classes, or * for all")
        found["markup"] = replace(self._markup(self._section(table, "markup")), keep_classes=kept)
        front = self._section(table, "front_matter")
        self._known(front, ("ignore", "title"), "[front_matter]")
        found |= self._chosen(front, "title", ("heading", "filename"))
        if "ignore" in front:
            found["ignored_keys"] = frozenset(self._texts_in_lists(front, ("ignore",)).get("ignore", ()))
        return found

    def _target_settings(self, section: object, where: str) -> dict[str, object]:
        if not isinstance(section, dict):
            self._problem(where, f"{where} is not a table")
            return {}
        self._known(section, (*_TEXTS, *_LISTS, "share", "subfolders"), f"[{where}]")
        found = self._texts(section, _TEXTS) | self._texts_in_lists(section, _LISTS)
        for name, choices in _CHOICES.items():
            self._chosen(section, name, choices)
        share = section.get("share", 0.8)
        if isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 1:
            found["share"] = float(share)
        else:
            self._problem("share", f"share cannot be {share!r}", "use a number above 0, up to 1")
        subfolders = section.get("subfolders", True)
        if not isinstance(subfolders, bool):
            self._problem("subfolders", f"subfolders cannot be {subfolders!r}", "use true or false")
        return found | {"subfolders": bool(subfolders)}

    def _chosen(self, section: Mapping[str, object], name: str, choices: tuple[str, ...]) -> dict[str, object]:
        value = section.get(name, choices[0])
        if value not in choices and isinstance(value, str):
            self._problem(name, f"{name} cannot be {value!r}", f"use one of {', '.join(choices)}")
        return self._texts(section, (name,))

    def _limits(self, section: Mapping[str, object]) -> dict[str, object]:
        self._known(section, ("archive",), "[limits]")
        match section.get("archive", "30%"):
            case bool():
                pass
            case int() as number if number >= 0:
                return {"archive_share": None, "archive_number": number}
            case str() as text if (found := re.fullmatch(r"(\d{1,3})%", text)) and int(found[1]) <= 100:
                return {"archive_share": int(found[1]) / 100, "archive_number": None}
        self._problem(
            "archive", f"archive cannot be {section.get('archive')!r}", 'use a share such as "30%", or a number'
        )
        return {}

    def _variables(self, section: Mapping[str, object]) -> dict[str, str]:
        found = {}
        for name, value in section.items():
            text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
            if not is_variable_name(name):
                self._problem(name, f"{name!r} is not a valid variable name", "use letters, digits, _ and -")
            elif not isinstance(text, str) or len(text.strip().splitlines()) > 1:
                self._problem(name, f"the variable {name} cannot be {value!r}", "use a string in quotes, on one line")
            else:
                found[unicodedata.normalize("NFC", name)] = text.strip()
        return found

    def _markup(self, section: Mapping[str, object]) -> MarkupOptions:
        switches = ("highlight", "linkify", "typographer")
        self._known(section, (*switches, "contents"), "[markup]")
        found = {name: section[name] for name in switches if name in section}
        for name, value in found.items():
            if not isinstance(value, bool):
                self._problem(name, f"{name} cannot be {value!r}", "use true or false")
        title = self._texts(section, ("contents",)).get("contents", MarkupOptions().contents)
        if not str(title).strip():
            self._problem("contents", "contents is empty", "write the title to show above lists of contents")
        on = {name: value is True for name, value in found.items()}
        options = MarkupOptions(contents=str(title).strip())
        return replace(options, **{name: on.get(name, getattr(options, name)) for name in switches})

    def _lint(self, section: Mapping[str, object]) -> tuple[str, ...]:
        self._known(section, ("ignore",), "[lint]")
        ignored = self._texts_in_lists(section, ("ignore",)).get("ignore", ())
        for selector in ignored:
            if error := selector_error(selector, ignoring=True):
                self._problem(selector, *error)
        return ignored

    def _section(self, table: Mapping[str, object], name: str) -> Mapping[str, object]:
        section = table.get(name, {})
        if isinstance(section, dict):
            return section
        self._problem(name, f"{name} is not a table", f"write [{name}]")
        return {}

    def _texts(self, section: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
        found = {name: section[name] for name in names if name in section}
        for name, value in found.items():
            if not isinstance(value, str) or not value.isprintable():
                self._problem(name, f"{name} cannot be {value!r}", "use a string in quotes")
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def _texts_in_lists(self, section: Mapping[str, object], names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        found = {}
        for name in names:
            value = section.get(name, [])
            if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
                found[name] = tuple(value)
            else:
                self._problem(name, f"{name} cannot be {value!r}", "use a list of strings")
        return {name: value for name, value in found.items() if name in section}

    def _known(self, section: Mapping[str, object], names: tuple[str, ...], where: str) -> None:
        for name in section.keys() - set(names):
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
            fixable = bool(difflib.get_close_matches(name, names, n=1, cutoff=0.8))
            advice = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(names)}"
            self._problem(name, f"unknown key {name!r} in {where}", advice, code="KB102", fixable=fixable)

    def _problem(self, name: str, what: str, advice: str = "", *, code: str = "KB103", fixable: bool = False) -> None:
        pattern = re.compile(rf"\b{re.escape(name.rpartition('.')[2])}\b")
        found = ((number, at.start() + 1) for number, line in enumerate(self.lines, 1) if (at := pattern.search(line)))
        line, column = next(found, (0, 1))
        self.problems.append(
            Problem(code=code, path=CONFIG_FILE, line=line, column=column, message=what, advice=advice, fixable=fixable)
        )


class Secret:
    """An API key that is in no repr, message or log."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key, for the one module that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


def key_for(config: Config, environ: Mapping[str, str]) -> Secret:
    """Return the API key, after a check that this target's host may have it.

    This machine itself gets the key of the embedded portal where nothing but the file names it: a pull request may have
    written that.

    Raises:
        UsageError: there is no key, no address, or a host that the environment does not allow.
    """
    if not config.url:
        advice = f"set `url` under [targets.{config.target}] in {CONFIG_FILE}, or give --url"
        raise UsageError(f"the target {config.target} has no URL", advice=advice)
    _check_host(config.url, environ.get("KBSYNC_ALLOW_HOST", ""))
    host = urlsplit(config.url).hostname or ""
    if config.url_is_from_file and is_loopback(host) and host not in _hosts(environ.get("KBSYNC_ALLOW_HOST", "")):
        return Secret(SANDBOX_KEY)
    own = f"FRESHDESK_API_KEY_{config.target.upper().replace('-', '_')}"
    value = environ.get(own) or environ.get("FRESHDESK_API_KEY") or ""
    if not value.strip():
        raise UsageError("no API key", advice=f"set FRESHDESK_API_KEY (or {own}) in the environment")
    return Secret(value)


def _check_host(url: str, allowed: str) -> None:
    """Refuse a host that a pull request could have put into the file."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if "@" in parts.netloc:
        raise UsageError(
            "`url` contains a user name or a password", advice="remove it; the API key comes from the environment"
        )
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
        raise UsageError(f"{url!r} is not a valid URL", advice="write it like https://acme.freshdesk.com")
    if is_loopback(host):
        return
    if parts.scheme == "http":
        raise UsageError(f"{url} is not https", advice="use https; http is allowed for this machine only")
    if host.endswith(".freshdesk.com") or host in _hosts(allowed):
        return
    advice = f"to allow this host, set KBSYNC_ALLOW_HOST={host} in the environment (not in a file or flag)"
    raise UsageError(f"the API key is not sent to {host}: not a freshdesk.com host", advice=advice)


def _hosts(names: str) -> set[str]:
    return {name.strip().lower() for name in names.split(",")}


def is_loopback(host: str) -> bool:
    """Return whether a host name is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
