"""The state machine: what two writers, an agent and chance do next. A rule is a step; `scenario` holds the laws."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from kbsync.freshdesk import client
from kbsync.freshdesk import write as creating
from kbsync.freshdesk.rate_limit import RateLimitState
from kbsync.sandbox.settings import SandboxSettings
from tests.laws.people import Person
from tests.laws.scenario import Scenario, copied, set_up
from tests.portals import serve

KEY = "Zx9-never-to-be-shown"
MEMORY = Path("/dev/shm")
WHO = st.integers(0, 1)
WHICH = st.integers(0, 11)
HOW = st.integers(0, 11)
START = datetime(2026, 1, 1, tzinfo=UTC)
_KEPT: list["tempfile.TemporaryDirectory[str]"] = []


@contextmanager
def quick() -> Iterator[None]:
    """Wait for nothing, and write from one thread, so that a seed plays the same steps again."""
    with (
        patch.object(client, "_BACKOFF", (0.0, 0.0, 0.0)),
        patch.object(creating, "_SETTLING", 0.0),
        patch.object(RateLimitState, "concurrency", 1),
    ):
        yield


def _folder() -> "tempfile.TemporaryDirectory[str]":
    """Make a folder that is gone in the end; in memory, where there is any for files."""
    place = MEMORY if MEMORY.is_dir() else None
    return tempfile.TemporaryDirectory(prefix="kbsync-", dir=place, ignore_cleanup_errors=True)


@cache
def _first(rewriting: Any) -> Path:
    """Make the first minute that all histories share, once in a process."""
    folder = _folder()
    _KEPT.append(folder)
    place = Path(folder.name)
    with serve(SandboxSettings(key=KEY, rewriting=rewriting, clock=lambda: START, data=place / "portal")) as served:
        set_up(place, served)
    return place


class Laws(RuleBasedStateMachine):
    """Writers, an agent, branches, crashes. `tally` counts over all histories what was done."""

    tally: ClassVar[Counter[str]] = Counter()
    links_others: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0
        self.stack = ExitStack()
        self.place = Path(self.stack.enter_context(_folder()))
        self.stack.enter_context(quick())

    @initialize(rewriting=st.sampled_from(["off", "editor"]))
    def begin(self, rewriting: Any) -> None:
        copied(_first(rewriting), self.place)
        self.seconds = 60
        settings = SandboxSettings(key=KEY, rewriting=rewriting, clock=self._now, data=self.place / "portal")
        served = self.stack.enter_context(serve(settings))
        self.scenario = Scenario(place=self.place, portal=served, tally=self.tally, links_others=self.links_others)
        self.agent = self.scenario.agent

    def teardown(self) -> None:
        try:
            if hasattr(self, "scenario"):
                self.scenario.end()
        finally:
            self.stack.close()

    def _now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def _step(self, what: str) -> None:
        self.tally["steps"] += 1
        self.tally[f"step: {what}"] += 1
        self.seconds += self.tally["steps"] % 3

    def _person(self, who: int) -> Person:
        return self.scenario.people[who]

    # Writers.

    @rule(who=WHO, which=WHICH, how=HOW)
    def writes(self, who: int, which: int, how: int) -> None:
        self._step("writes")
        self._person(who).edit_text(which, how)

    @rule(who=WHO, which=WHICH, how=HOW)
    def writes_front_matter(self, who: int, which: int, how: int) -> None:
        self._step("writes front matter")
        self._person(who).edit_front(which, how)

    @rule(who=WHO, which=WHICH, how=HOW)
    def adds_or_removes_a_file(self, who: int, which: int, how: int) -> None:
        self._step("adds or removes a file")
        self._person(who).add_or_remove(which, how)

    @rule(who=WHO, which=WHICH, how=HOW)
    def renames_or_moves(self, who: int, which: int, how: int) -> None:
        self._step("renames or moves")
        self._person(who).rename_or_move(which, how)

    @rule(who=WHO, back=st.integers(0, 2))
    def reverts(self, who: int, back: int) -> None:
        self._step("reverts")
        self._person(who).revert(back)

    @rule(who=WHO, which=WHICH, how=HOW)
    def begins_a_branch(self, who: int, which: int, how: int) -> None:
        self._step("begins a branch")
        self._person(who).begin_branch()
        self._person(who).edit_text(which, how)

    @rule(who=WHO, which=WHICH)
    def changes_branch(self, who: int, which: int) -> None:
        self._step("changes branch")
        person = self._person(who)
        person.switch(["main", *person.branches][which % (len(person.branches) + 1)])

    @rule(who=WHO, which=WHICH, side=HOW)
    def merges(self, who: int, which: int, side: int) -> None:
        self._step("merges")
        self._person(who).merge(which, side, squash=False)

    @rule(who=WHO, which=WHICH, side=HOW)
    def squashes(self, who: int, which: int, side: int) -> None:
        self._step("squashes")
        self._person(who).merge(which, side, squash=True)

    @rule(who=WHO, which=WHICH)
    def throws_a_branch_away(self, who: int, which: int) -> None:
        self._step("throws a branch away")
        self._person(who).throw_away(which)

    @rule(who=WHO, side=HOW)
    def shares(self, who: int, side: int) -> None:
        self._step("shares")
        self._person(who).share(side)

    @rule(who=WHO, how=HOW)
    def clones_anew(self, who: int, how: int) -> None:
        self._step("clones anew")
        if how % 4:
            self._person(who).share(how)
        self._person(who).clone_again(shallow=how % 2 == 0)

    # The agent.

    @rule(which=WHICH, how=HOW)
    def agent_writes(self, which: int, how: int) -> None:
        self._step("agent writes")
        self.agent.edit_text(which, how)

    @rule(which=WHICH, how=HOW)
    def agent_edits_fields(self, which: int, how: int) -> None:
        self._step("agent edits fields")
        self.agent.edit_fields(which, how)

    @rule(which=WHICH, how=HOW)
    def agent_restores(self, which: int, how: int) -> None:
        self._step("agent restores")
        self.agent.restore(which, how)

    @rule(which=WHICH, how=HOW)
    def agent_creates_or_deletes(self, which: int, how: int) -> None:
        self._step("agent creates or deletes")
        self.agent.create_or_delete(which, how)

    @rule(which=WHICH, how=HOW)
    def agent_moves_or_renames(self, which: int, how: int) -> None:
        self._step("agent moves or renames")
        if how % 3:
            self.agent.move(which, how)
        else:
            self.agent.rename_folder(which)

    # kbsync.

    @rule(who=WHO, how=HOW)
    def looks(self, who: int, how: int) -> None:
        self._step("looks")
        self.scenario.look(self._person(who), offline=how % 3 == 0)

    @rule(who=WHO, side=HOW)
    def pulls(self, who: int, side: int) -> None:
        self._step("pulls")
        self.scenario.pull(self._person(who), side)

    @rule(who=WHO, how=HOW)
    def publishes(self, who: int, how: int) -> None:
        self._step("publishes")
        person = self._person(who)
        if how % 4:
            person.share(how)
        person.commit()
        if self.scenario.publish(person, twice=how % 3 == 0) is None and how % 5 == 0:
            self.tally["rollbacks"] += 1
            self.scenario.publish(person, twice=False, rollback=True)

    @rule(who=WHO, how=HOW)
    def saves_a_plan(self, who: int, how: int) -> None:
        self._step("saves a plan")
        if how % 2:
            self._person(who).share(how)
        self.scenario.save_plan(self._person(who))

    @rule(who=WHO, how=HOW)
    def publishes_a_saved_plan(self, who: int, how: int) -> None:
        self._step("publishes a saved plan")
        person = self._person(who)
        if how % 2:
            person.share(how)
        person.commit()
        self.scenario.publish_as_saved(person)

    @rule(who=WHO, how=HOW)
    def undoes(self, who: int, how: int) -> None:
        self._step("undoes")
        person = self._person(who)
        if how % 4:
            person.share(how)
        person.commit()
        self.scenario.undo(person)

    @rule(who=WHO, back=st.integers(1, 3))
    def publishes_an_old_commit(self, who: int, back: int) -> None:
        self._step("publishes an old commit")
        person = self._person(who)
        person.switch("main")
        person.commit()
        if not person.tries("switch", "-q", "--detach", f"HEAD~{back}"):
            return
        try:
            self.scenario.publish(person, twice=False)
        finally:
            person.git("switch", "-q", "main")

    @rule(who=WHO, at=st.integers(1, 60), after=st.booleans(), then=HOW)
    def dies_while_publishing(self, who: int, at: int, after: bool, then: int) -> None:
        self._step("dies while publishing")
        person = self._person(who)
        person.share(then)
        if not self.scenario.publish_killed(person, at, after=after) or then % 4 == 0:
            return
        heir = self.scenario.people[1 - who] if then % 4 == 1 else person
        if then % 4 == 1:
            heir.share(then)
        if then % 4 == 2:
            heir.clone_again(shallow=then % 2 == 0)
        self.scenario.publish(heir, twice=False)
