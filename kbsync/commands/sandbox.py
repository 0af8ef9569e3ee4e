"""The command that runs the embedded portal."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kbsync.commands.output import note, say
from kbsync.errors import UsageError

if TYPE_CHECKING:
    from kbsync.sandbox.server import Portal

_MISSING = "the embedded portal is not installed"
_INSTALL = "install it with `pip install 'kbsync[sandbox]'`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The options of `kbsync sandbox`."""

    port: int
    host: str
    key: str
    data: Path | None
    load: tuple[Path, ...]
    rewriting: Literal["off", "editor", "strict"]
    gone: str
    subfolders: Literal["on", "forbidden", "missing"]
    duplicates: Literal["errors", "code"]
    rate: int | None
    languages: tuple[str, ...]
    faults: tuple[str, ...]


def sandbox(choices: Choices) -> int:
    """Run the portal until it is interrupted; the first line printed is its address."""
    try:
        from kbsync.sandbox.server import run
        from kbsync.sandbox.settings import SandboxError, SandboxSettings
    except ModuleNotFoundError as error:
        raise UsageError(_MISSING, advice=_INSTALL) from error
    settings = SandboxSettings(
        key=choices.key,
        data=choices.data,
        calls_per_minute=choices.rate,
        rewriting=choices.rewriting,
        gone=403 if choices.gone == "403" else 404,
        subfolders=choices.subfolders,
        duplicate_body=choices.duplicates,
        languages=choices.languages,
    )
    try:
        run(
            settings,
            host=choices.host,
            port=choices.port,
            load=choices.load,
            announce=lambda portal: _announce(portal, choices.faults),
        )
    except SandboxError as error:
        raise UsageError(str(error)) from error
    return 0


def _announce(portal: "Portal", faults: tuple[str, ...]) -> None:
    from kbsync.sandbox.account import fault_from_json

    for text in faults:
        try:
            portal.faults.add(fault_from_json(json.loads(text)))
        except ValueError as error:
            raise UsageError(f"--fault {text}: {error}") from error
    say(portal.url)
    note(f"  readers  {portal.url}/support/solutions")
    note(f"  agents   {portal.url}/a/solutions")
    note("  Ctrl-C ends it")
