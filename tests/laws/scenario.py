"""Two writers, an agent, a portal, and the laws that every run of kbsync between them has to keep.

A run is watched from outside: what the portal showed before and after, which calls were made, what lies in git.
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from kbsync.change import Action, Finding, Result
from kbsync.config import Config, Secret
from kbsync.engine import undo
from kbsync.engine.context import Options
from kbsync.engine.publish import PublishResult
from kbsync.engine.pull import PulledFiles, PullResult
from kbsync.engine.saved_plan import make_saved_plan
from kbsync.engine.session import published_commit
from kbsync.errors import KbsyncError, Refusal, UsageError
from kbsync.model import Kind
from kbsync.planner.approval import SavedPlan
from kbsync.planner.planner import Plan
from kbsync.sandbox.database import DRAFT, PUBLISHED, ArticleRecord
from kbsync.sandbox.server import Portal
from tests.engine.clone import LEDGER, Clone, clone_of, git, new_clone
from tests.laws.agents import Agent, Shown, own_values, shown
from tests.laws.kill import Killed, killed_at
from tests.laws.people import Person, Words, front, head_of, links, tokens

# Names of folders are unique: what was renamed on one side, or put back by an undo, may hold a name that is wanted.
_NAME_EXISTS = "an item with this name already exists"
_OWN_VALUE = re.compile(r"\bweb-\d+\b")
_VALUE = re.compile(r"\b(?:tag|seo|web)-\d+\b")
FIRST = ("guide/basics", "guide/basics", "guide/more", "shop/orders")


class Broken(AssertionError):
    """A law was broken."""


def law(number: int, is_kept: object, what: str) -> None:
    """Hold a law by its number in the design."""
    if not is_kept:
        raise Broken(f"law {number}: {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedPlan:
    """A plan that was saved: what it allows, and what both sides said then."""

    saved: SavedPlan
    allowed: AbstractSet[tuple[Action, Kind, str]]
    texts: Mapping[str, set[str]]
    live: Mapping[int, ArticleRecord]


def set_up(place: Path, portal: Portal) -> None:
    """Publish a first tree from one of two clones of a shared repository."""
    words = Words()
    files = {f"{folder}/{words.name()}": words.article() for folder in FIRST}
    one = new_clone(place / "one", portal, files)
    shared = place / "shared.git"
    git(place, "clone", "-q", "--bare", str(one.root), str(shared))
    one.git("remote", "add", "origin", shared.as_uri())
    one.git("fetch", "-q", "origin")
    clone_of(shared, place / "two", one)
    one.published()


def copied(old: Path, new: Path) -> None:
    """Copy what `set_up` has left to another place."""
    shutil.copytree(old, new, dirs_exist_ok=True)
    for clone in ("one", "two"):
        config = new / clone / ".git" / "config"
        config.write_text(config.read_text().replace(str(old), str(new)))


@dataclass(slots=True, kw_only=True)
class Scenario:
    """A knowledge base, who works on it, and what has happened so far."""

    place: Path
    portal: Portal
    words: Words = field(default_factory=lambda: Words(count(1000)))
    tally: Counter[str] = field(default_factory=Counter)
    links_others: bool = False
    people: tuple[Person, Person] = field(init=False)
    agent: Agent = field(init=False)
    shared: Path = field(init=False)
    once_live: set[str] = field(default_factory=set)
    in_files: set[str] = field(default_factory=set)
    written: dict[int, Shown] = field(default_factory=dict)
    saved: "ReviewedPlan | None" = None

    def __post_init__(self) -> None:
        """Find the people where `set_up` has left their clones."""
        self.shared = self.place / "shared.git"
        self.agent = Agent(portal=self.portal, words=self.words)
        clones = [
            Clone(root=root, portal=self.portal, config=Config(root=root, url=self.portal.url))
            for root in (self.place / "one", self.place / "two")
        ]
        common: dict[str, Any] = {"shared": self.shared, "words": self.words, "links_others": self.links_others}
        one, two = (Person(name=clone.root.name, clone=clone, **common) for clone in clones)
        self.people = one, two
        self.written = {number: shown(article) for number, article in self.agent.articles().items()}
        self.once_live = {word for article in self.agent.articles().values() for word in _words_of(article)}

    # What kbsync does.

    def publish(
        self,
        person: Person,
        *,
        twice: bool = True,
        meant: AbstractSet[int] = frozenset(),
        meanwhile: Callable[[], object] | None = None,
        **options: Any,
    ) -> PublishResult | None:
        """Publish what is committed, and hold every law about it but for articles that are `meant` to be overwritten.

        What is done `meanwhile` comes between the plan and the first write.
        """
        before, ledger = self.agent.articles(), self._ledger()

        saved: set[int] = set()

        def interrupted() -> None:
            if meanwhile is not None:
                known = dict(self.agent.unseen)
                meanwhile()
                now = self.agent.articles()
                saved.update(number for number, old in before.items() if old != now[number])
                for number in (number for number, old in before.items() if shown(old) == shown(now[number])):
                    # To save what stands there already takes nothing from anybody; only a new plan would hold it.
                    self.agent.unseen.pop(number, None)
                    self.agent.unseen |= {number: known[number]} if number in known else {}
                before.update(now)
                self.tally["saved on the web between plan and write"] += 1

        self.portal.calls.clear()
        person.clone.ui.meanwhile = interrupted
        try:
            done = person.clone.publish(**options)
        except Refusal as refusal:
            self._refused(refusal)
            law(8, self.agent.articles() == before, "what was refused has written")
            return None
        finally:
            person.clone.ui.meanwhile = None
            self._account_for(person, before, ledger, meant=meant)
        self.tally["publishes"] += 1
        self._hold_back(done, before)
        self._settled(person, done, twice=twice, saved=saved)
        return done

    def overwrite(self, person: Person, which: int) -> None:
        """Publish one of the files that a plan holds back, whatever was edited on the web."""
        plan = person.clone.plan()
        held = [
            found
            for found in (*plan.drift, *plan.conflicts)
            if found.kind is Kind.ARTICLE and found.content and found.id
        ]
        if held:
            chosen = held[which % len(held)]
            self.tally["overwritten on purpose"] += 1
            self.publish(person, overwrite=frozenset({chosen.path}), meant={chosen.id or 0})

    def publish_killed(self, person: Person, at: int, *, after: bool) -> bool:
        """Publish and be killed on the way; return whether that happened."""
        before, ledger = self.agent.articles(), self._ledger()
        try:
            with killed_at(at, after=after):
                person.clone.publish()
        except Killed:
            self.tally["crashes"] += 1
            return True
        except Refusal as refusal:
            self._refused(refusal)
        finally:
            self._account_for(person, before, ledger)
        return False

    def save_plan(self, person: Person) -> None:
        """Save a plan to apply later, with the present content and live items."""
        person.commit()
        planned = person.clone.planned()
        allowed = {(change.action, change.kind, change.path) for change in planned.plan.changes}
        texts = {path: tokens(text) for path, text in person.articles().items()}
        self.saved = ReviewedPlan(
            saved=make_saved_plan(planned, Options()), allowed=allowed, texts=texts, live=self.agent.articles()
        )

    def publish_as_saved(self, person: Person) -> None:
        """Apply the plan that was saved last: nothing else, and nothing whose item has moved since."""
        if self.saved is None:
            return
        before, ledger, plan = self.agent.articles(), self._ledger(), self.saved
        try:
            done = person.clone.publish(saved=plan.saved)
        except Refusal as refusal:
            self._refused(refusal)
            law(8, self.agent.articles() == before, "what was refused has written")
            return
        finally:
            self._account_for(person, before, ledger)
        self.tally["saved plans applied"] += 1
        after = self.agent.articles()
        self._hold_back(done, before)
        for outcome in done.run.outcomes if done.run else []:
            change = outcome.change
            if outcome.result is Result.WITHHELD:
                self.tally["withheld"] += 1
            elif outcome.result is Result.DONE and change.action not in {Action.ADOPT, Action.FORGET}:
                law(6, (change.action, change.kind, change.path) in plan.allowed, f"{change.path} was not in the plan")
                if change.kind is Kind.ARTICLE and change.action in {Action.UPDATE, Action.CREATE} and outcome.live:
                    said = _words_of(after[outcome.live.id or 0])
                    law(6, said == plan.texts[change.path], f"{change.path} says something else than was planned")
        moved = {number for number, old in plan.live.items() if number in before and before[number] != old}
        wrote = {number for number in moved if after[number] != before[number]}
        law(6, not wrote, f"{sorted(wrote)} moved since the plan and were written")

    def undo(self, person: Person) -> None:
        """Undo the last run; what it put back stays so."""
        before, ledger = self.agent.articles(), self._ledger()
        pending = {change.id for change in person.clone.plan().changes}
        try:
            undone = undo.undo(person.clone.config, Secret(self.portal.key), None, Options(), person.clone.ui)
        except (Refusal, UsageError) as refusal:
            self._refused(refusal)
            return
        finally:
            self._account_for(person, before, ledger, archives=True)
        if undone.run is None:
            return
        self.tally["undos"] += 1
        done = {o.change.id for o in undone.run.outcomes if o.result is Result.DONE} - {None}
        # Undoing an undo restores the run, not the unpublished changes of writers since.
        # What a move made of an undone article, and an undo archived, rests as archived and is restored: a known gap.
        again = [change for change in person.clone.plan().changes if change.action is not Action.RESTORE]
        left = {change.id for change in again} & done - pending
        law(3, not left, f"what was undone would be done again: {sorted(map(str, left))}")

    def pull(self, person: Person, side: int, **options: Any) -> PullResult | None:
        """Pull, settle what overlaps, commit; and hold every law about it but for paths of which one side is to win."""
        person.commit()
        mine, before = person.articles(), person.clone.plan()
        ours, theirs = options.get("ours", frozenset()), options.get("theirs", frozenset())
        try:
            pull = person.clone.pull(**options)
        except Refusal as refusal:
            self._refused(refusal)
            return None
        self.tally["pulls"] += 1
        person.is_dirty = bool(pull.pulled.files)
        self.tally["pulls with news"] += person.is_dirty
        for text in person.articles().values():
            self.in_files |= set(_OWN_VALUE.findall(text))
        for path in ours & mine.keys():
            law(7, person.articles().get(path) == mine[path], f"{path} was to stay as it was")
            if (refused := self.agent.articles().get(before.ids.get(path, 0))) is not None:
                person.dropped |= _words_of(refused) - tokens(mine[path])
                self.in_files |= own_values(refused)
        for change in pull.pulled.changes:
            if change.path in theirs and change.action is Action.UPDATE and change.kind is Kind.ARTICLE:
                said = _words_of(self.agent.articles()[change.id or 0])
                law(7, tokens(person.articles()[change.path]) == said, f"{change.path} was to be the portal's")
        kept = {path: text for path, text in mine.items() if path not in theirs}
        self._keeps_the_writers_words(kept, before.ids, person, prunes=bool(options.get("prune")))
        self._pulls_the_agents_words(pull, person, but=ours)
        person.settle_markers(side)
        fixed = person.remove_broken_links()
        person.commit()
        if pull.pulled.files and not ours | theirs:
            self._only_mine_is_left(before, pull.pulled, person, fixed)
        return pull

    def look(self, person: Person, *, offline: bool) -> None:
        """Plan, and see that nothing changes by it."""
        files = person.clone.files()
        self.portal.calls.clear()
        plan = person.clone.offline() if offline else person.clone.plan()
        self._made_only_gets("a plan")
        law(1, not (offline and self.portal.calls), "a plan without the portal has called it")
        law(1, person.clone.files() == files, "a plan has changed files")
        self.tally["plans"] += 1
        self.tally["conflicts seen"] += len(plan.conflicts)

    # The laws of a publish.

    def _refused(self, refusal: KbsyncError) -> None:
        self.tally["refusals"] += 1
        self.tally[f"refused: {refusal.what[:14]}"] += 0
        law(10, self.portal.key not in str(refusal), "the key is in a message")

    def _account_for(
        self,
        person: Person,
        before: Mapping[int, ArticleRecord],
        ledger: str | None,
        *,
        archives: bool = False,
        meant: AbstractSet[int] = frozenset(),
    ) -> None:
        """Check the writes, and that they overwrote no unseen work except what is `meant`."""
        after = self.agent.articles()
        law(8, before.keys() <= after.keys(), "articles were deleted")
        for number, old in before.items():
            new = after[number]
            if new == old:
                continue
            saved_at = self.agent.unseen.pop(number, None)
            if saved_at is not None and self._is_lost(number, old, new) and number not in meant:
                known = self._ever_known(person, ledger)
                law(2, saved_at in known, f"article {number}, edited on the web, was written over")
            replaced = own_values(old) - own_values(new) - self.in_files
            if number not in meant:
                law(2, not replaced, f"{sorted(replaced)} of article {number} was in no file and is replaced")
            self.tally["values replaced that no file showed"] += len(replaced)
            self.agent.versions[number].append(shown(old))
            self.written[number] = shown(new)
            if not archives:
                self._archives_nothing_needed(person, old, new, after)
        self.once_live |= {word for article in after.values() for word in _words_of(article)}

    def _is_lost(self, number: int, old: ArticleRecord, new: ArticleRecord) -> bool:
        """Return whether anything that was edited on the web since kbsync last wrote an article is no longer so."""
        edited = zip(self.written.get(number) or (None,) * 6, shown(old), shown(new), strict=True)
        return any(before not in (written, after) for written, before, after in edited)

    def _ledger(self) -> str | None:
        found = git(self.shared, "for-each-ref", "--format=%(objectname)", LEDGER).strip()
        return found or None

    def _ever_known(self, person: Person, ledger: str | None) -> str:
        """Return the text of every lock entry in the history of a commit, and of every entry of the ledger."""
        person.git("fetch", "-q", "--no-write-fetch-head", "origin")
        locks = person.git("log", "-p", "-m", "--format=", "--no-color", "HEAD", "--", ".kbsync")
        entries = git(self.shared, "log", "-p", "--format=", "--no-color", ledger) if ledger else ""
        return locks + entries

    def _archives_nothing_needed(
        self, person: Person, old: ArticleRecord, new: ArticleRecord, after: Mapping[int, ArticleRecord]
    ) -> None:
        if old.status != PUBLISHED or new.status != DRAFT:
            return
        self.tally["archived"] += 1
        held = {finding.path for finding in _findings(person.clone.plan())}
        wanted = [text for path, text in person.articles().items() if path not in held]
        is_wanted = any(front(text, "title") == old.title and front(text, "status") != "draft" for text in wanted)
        is_there = any(a.title == old.title and a.status == PUBLISHED for a in after.values())
        law(8, not is_wanted or is_there, f"{old.title} was archived although content has it")

    def _hold_back(self, done: PublishResult, before: Mapping[int, ArticleRecord]) -> None:
        plan, after = done.planned.plan, self.agent.articles()
        held = [*plan.conflicts, *plan.drift, *plan.unmanaged, *plan.undone]
        self.tally["conflicts"] += len(plan.conflicts)
        self.tally["drift"] += len(plan.drift)
        for finding in held:
            if finding.kind is Kind.ARTICLE and (old := before.get(finding.id or 0)) is not None:
                same = old == after[old.id]
                law(2, same, f"{finding.path} was left alone in words ({finding.reason}) and written to in entry")

    def _settled(self, person: Person, done: PublishResult, *, twice: bool, saved: AbstractSet[int]) -> None:
        """See that a publish leaves nothing to do, says on live what content says, and writes nothing again."""
        law(5, done.ledger_error is None, f"the ledger could not be saved: {done.ledger_error}")
        outcomes = done.run.outcomes if done.run else []
        failed = [
            f"{o.change.path}: {o.result} {o.error}"
            for o in outcomes
            if o.result is Result.FAILED and _NAME_EXISTS not in o.error
        ]
        law(9, not failed, f"the portal refused or was not verified: {failed}")
        if any(o.result is not Result.DONE for o in outcomes):
            self.tally["with something held back"] += 1
            return
        plan = person.clone.plan()
        # What was saved meanwhile, and put back thereby, is held no longer.
        left = [change for change in plan.changes if change.id not in saved]
        law(3, not left, f"left to do after a publish: {_steps(plan)}")
        self._live_equals_content(person, plan)
        self._has_no_doubles(person)
        if twice:
            self.portal.calls.clear()
            person.clone.publish(rollback=True)
            self._made_only_gets("a second publish")
        if not (plan.drift or plan.conflicts or plan.unmanaged or plan.undone):
            pull = person.clone.pull(dry_run=True)
            written = set(pull.pulled.files) - {path for path in pull.pulled.files if path.startswith(".kbsync/")}
            law(4, not written, f"a pull after a publish writes {sorted(written)}")

    def _live_equals_content(self, person: Person, plan: Plan) -> None:
        live = self.agent.articles()
        held = {finding.path for finding in _findings(plan)}
        for path, text in person.articles().items():
            if path in held:
                continue
            number = plan.ids.get(path)
            law(5, number in live, f"{path} is not on the portal and nothing says so: {_steps(plan)}")
            article = live[number or 0]
            law(5, tokens(text) == _words_of(article), f"{path} says {sorted(tokens(text) ^ _words_of(article))} else")
            for word, target in links(path, text).items():
                found = re.search(rf'href="[^"]*/articles/(\d+)[^"]*"[^>]*>{word}', article.description)
                there = plan.ids.get(target)
                law(5, target in held or (found and int(found[1]) == there), f"{path} links {word} not to {there}")
            self._fields_equal(path, text, article)
            is_draft = front(text, "status") == "draft"
            law(5, (article.status == DRAFT) == is_draft, f"{path} has another status on the portal")

    def _fields_equal(self, path: str, text: str, article: ArticleRecord) -> None:
        """Check tags and SEO where a file has them; where it has none, they are the agents' own."""
        head, live = head_of(text), {str(value) for value in (*article.tags, *article.seo.values())}
        absent = set(_VALUE.findall(head)) - live
        law(5, not absent, f"{path} has {sorted(absent)}, which its article has not")
        more = {tag for tag in article.tags if tag not in head}
        law(5, not more or not re.search("^tags:", head, re.MULTILINE), f"{path} has not the tags {sorted(more)}")

    def _has_no_doubles(self, person: Person) -> None:
        """Check that readers find no article twice, unless content or an agent wants it so."""
        mine = Counter(front(text, "title") for text in person.articles().values())
        live = Counter(
            (article.folder_id, article.title)
            for article in self.agent.articles().values()
            if article.status == PUBLISHED and article.id not in self.agent.unseen
        )
        doubles = [title for (_, title), number in live.items() if number > 1 and mine[title] < 2]
        law(5, not doubles, f"on the portal twice: {doubles}")

    def _made_only_gets(self, who: str) -> None:
        wrote = [f"{call.method} {call.path}" for call in self.portal.calls if call.method != "GET"]
        law(1 if "plan" in who else 3, not wrote, f"{who} wrote: {wrote}")

    # The laws of a pull.

    def _keeps_the_writers_words(
        self, mine: Mapping[str, str], ids: Mapping[str, int], person: Person, *, prunes: bool
    ) -> None:
        """See that no word of a file is gone that an agent has not taken out of its article, or deleted with it."""
        left, live = person.tokens(), self.agent.articles()
        for path, text in mine.items():
            article = live.get(ids.get(path, 0))
            taken_out = self.once_live - (_words_of(article) if article else set()) if article or prunes else set()
            lost = tokens(text) - left - taken_out
            law(7, not lost, f"a pull lost {sorted(lost)} of {path}")
        self.once_live |= {word for article in live.values() for word in _words_of(article)}

    def _pulls_the_agents_words(self, pull: PullResult, person: Person, *, but: AbstractSet[str]) -> None:
        """See that what was pulled is there, but for what the writer has removed since the baseline."""
        live, mine = self.agent.articles(), person.articles()
        last = published_commit(pull.planned.workspace) or ""
        if not person.tries("merge-base", "--is-ancestor", last, "HEAD"):
            # Somebody else's content has seen it, and has been published: it comes by a merge of that, not by a pull.
            return
        for change in pull.pulled.changes:
            is_text = change.kind is Kind.ARTICLE and change.action in {Action.UPDATE, Action.CREATE}
            if not is_text or change.path in but:
                continue
            missing = _words_of(live[change.id or 0]) - tokens(mine.get(change.path, ""))
            if missing and change.id in self.agent.unseen:
                past = tokens(person.git("log", "-p", "-m", "--format=", "--no-color", "HEAD", "--", "*.md"))
                past |= tokens(person.git("log", "--format=%B", "HEAD"))
                # What a writer took out before a clone of depth 1 was made is in the history of the remote alone.
                past |= tokens(git(self.shared, "log", "-p", "-m", "--format=%B", "--no-color", "main"))
                law(7, missing <= past, f"a pull did not bring {sorted(missing - past)} to {change.path}")

    def _only_mine_is_left(self, before: Plan, pulled: PulledFiles, person: Person, fixed: AbstractSet[str]) -> None:
        after = person.clone.plan()
        mine = {_name(step) for step in (*before.changes, *before.conflicts)}
        # Git knows no empty directory: one that an agent moved everything out of is forgotten by the next publish.
        # A directory is known by what lies in it: renamed here, it may be new once a pull took its files elsewhere.
        has_moved = any("parent" in change.fields for change in pulled.changes)
        excused = {
            _name(change)
            for change in after.changes
            if change.action is Action.FORGET or change.path in fixed or (has_moved and change.kind is not Kind.ARTICLE)
        }
        left = {_name(change) for change in after.changes} - mine - excused
        law(3, not left, f"a pull leaves to publish {sorted(map(str, left))}: {_steps(before)} became {_steps(after)}")

    # The laws at the end.

    def end(self) -> None:
        """See that the key is nowhere."""
        for person in self.people:
            clone = person.clone
            stored = clone.git("log", "-p", "--format=%B", "--no-color", "--all", "--glob=refs/*")
            stored += "".join(clone.files().values()) + "".join(clone.ui.heard)
            law(10, self.portal.key not in stored, "the key is in the repository or in the output")


def _words_of(article: ArticleRecord) -> set[str]:
    return tokens(f"{article.title} {article.description}")


def _findings(plan: Plan) -> tuple[Finding, ...]:
    return (*plan.drift, *plan.conflicts, *plan.unmanaged, *plan.undone)


def _name(step: Any) -> object:
    return step.id or step.path


def _steps(plan: Plan) -> dict[str, str]:
    stored = {change.path: f"{change.action} {change.id} {change.fields} {change.reason}" for change in plan.changes}
    return stored | {found.path: f"{found.finding_kind} {found.id} {found.reason}" for found in _findings(plan)}
