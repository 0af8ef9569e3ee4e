"""A toy model of one question: of lock and ledger, which baseline counts?

One article is a set of edits on either side. Random histories of writers, branches, agents and publishes are played
under each of three rules, and what each rule does to people is counted. What follows from a baseline is decided by
kbsync's own `decide`, and the rule that kbsync follows is its own `newest`: neither is written again here.

    python -m tests.laws.baselines_model [histories]
"""

import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count, product

from kbsync.baseline import (
    Baseline,
    State,
    Unvouched,
    carried_over,
    fingerprint,
    is_tombstone,
    newest,
    tombstone,
    unvouched_by,
)
from kbsync.model import ItemKey, Kind
from kbsync.planner.decide import ChangeStatus, Decision, decide
from kbsync.planner.taken_back import takes_back_words

Edits = frozenset[int] | None
Rule = Callable[[Baseline | None, Baseline | None], Baseline | None]

AWAY = -1
"""Among a live version's edits: kbsync made it a draft, because its file went."""
KEY = ItemKey(Kind.ARTICLE, 1)
STEPS = 40

HARMS = (
    "overwritten unseen",
    "needless conflict",
    "deletion resurrected",
    "content edit lost",
    "held, though no field differs",
    "held, though it was seen",
)


def _the_newer(lock: Baseline | None, ledger: Baseline | None) -> Baseline | None:
    return newest({KEY: lock} if lock else {}, {KEY: ledger} if ledger else {}).get(KEY)


def _lock_first(lock: Baseline | None, ledger: Baseline | None) -> Baseline | None:
    known = lock or ledger
    return None if known is None or is_tombstone(known) else known


OURS = "lock or ledger, the newer"
RULES: Mapping[str, Rule] = {
    "the ledger alone": lambda _, ledger: _lock_first(None, ledger),
    "the lock first": _lock_first,
    OURS: _the_newer,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit of one branch: the file, its lock entry, the live versions that went into it, the edits taken out."""

    content: Edits
    lock: Baseline | None = None
    saw: frozenset[int] = frozenset()
    dropped: frozenset[int] = frozenset()

    def then(self, content: Edits, lock: Baseline | None, saw: frozenset[int]) -> "Commit":
        """Make the next commit; what it takes out is dropped on purpose, what it brings back no longer is."""
        before, after = self.content or frozenset(), content or frozenset()
        return Commit(content=content, lock=lock, saw=saw, dropped=(self.dropped | before) - after)


@dataclass(slots=True, kw_only=True)
class Branch:
    """A branch: where it last had all of main, and its tip."""

    fork: Commit
    tip: Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What the portal showed for a while; `stamp` is its `updated_at`, `number` its place in the row of versions."""

    edits: Edits
    stamp: int
    number: int


def _text(edits: Edits) -> str:
    return "gone" if edits is None else " ".join(map(str, sorted(edits)))


@lru_cache(maxsize=4096)
def _field(edits: Edits) -> Mapping[str, str]:
    return {"body": _text(edits)}


def merged(base: Edits, mine: Edits, theirs: Edits, dice: random.Random) -> Edits:
    """Merge in three ways as git and people do: where one deleted what the other edited, somebody decides."""
    if theirs in (mine, base):
        return mine
    if mine == base:
        return theirs
    if mine is None or theirs is None:
        return dice.choice([mine, theirs])
    old = base or frozenset()
    return (mine & theirs) | (mine - old) | (theirs - old)


@dataclass(slots=True)
class History:
    """One article's life under one rule.

    `harms` counts what became of people's work and `did` tells each step; `written` are the live versions that a
    publish wrote or found agreed on, `seen` those that went into main; `taken_out` and `put_back` are agents' doing.
    """

    rule: Rule
    dice: random.Random
    holds: bool = True
    accidents: bool = True
    harms: Counter[str] = field(default_factory=Counter)
    did: list[str] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)
    clock: int = 1
    taken_out: set[int] = field(default_factory=set)
    put_back: set[int] = field(default_factory=set)
    branches: list[Branch] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    main: list[Commit] = field(default_factory=list)
    written: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    ledger: Baseline | None = None
    published: int = -1

    def play(self, steps: int = STEPS) -> Counter[str]:
        """Live through so many steps, and count the harm."""
        first = frozenset({next(self.numbers)})
        self.main.append(Commit(content=first))
        self.versions.append(Version(edits=None, stamp=0, number=0))
        self.publish()
        names = [name for name in _STEPS if self.accidents or name not in ACCIDENTS]
        weights = [_STEPS[name][0] for name in names]
        for name in self.dice.choices(names, weights, k=steps):
            self.clock += self.dice.choice([0, 1, 1, 5])
            self.did.append(name)
            _STEPS[name][1](self)
        return self.harms

    @property
    def tip(self) -> Commit:
        return self.main[-1]

    @property
    def live(self) -> Version:
        return self.versions[-1]

    def harm(self, what: str) -> None:
        self.harms[what] += 1
        self.did[-1:] = [f"{self.did[-1] if self.did else 'first publish'}: {what}"]

    def commit(self, content: Edits, lock: Baseline | None, saw: frozenset[int]) -> None:
        """Put a commit on main."""
        self.main.append(self.tip.then(content, lock, saw))
        self.seen |= saw

    def show(self, edits: Edits, *, by_agent: bool) -> None:
        """Let the portal show another version."""
        before, after = self.live.edits or frozenset(), edits or frozenset()
        if by_agent:
            self.taken_out |= before - after
            self.taken_out -= after - before
            self.put_back |= (after - before) & {edit for version in self.versions for edit in version.edits or ()}
        number = len(self.versions)
        self.versions.append(Version(edits=edits, stamp=self.live.stamp + 1, number=number))
        if not by_agent:
            self.put_back -= before - after
            self.written.add(number)

    def is_unseen(self, known: set[int] | frozenset[int]) -> bool:
        """Return whether live now shows something else than the last of some versions."""
        last = max((number for number in known if number <= self.live.number), default=0)
        return self.versions[last].edits != self.live.edits

    def known_to(self, commit: Commit) -> Baseline | None:
        """Return the baseline that counts for a commit."""
        return self.rule(self._baseline_of(commit), self.ledger)

    def _baseline_of(self, commit: Commit) -> Baseline | None:
        """Return its lock entry, unless its file is the one that the pull wrote over."""
        lock = commit.lock
        if lock is None or self.rule is not _the_newer:
            return lock
        return carried_over({KEY: lock}, {lock.path: _text(commit.content)}).get(KEY)

    def _overwrites_unseen(self, sent: Edits) -> bool:
        """Return whether what agents did since the last version that was seen is undone: taken out, or put back."""
        last = max((number for number in self.seen | self.written if number <= self.live.number), default=0)
        seen, live, after = (edits or frozenset() for edits in (self.versions[last].edits, self.live.edits, sent))
        is_gone = self.versions[last].edits != self.live.edits and AWAY in after
        return is_gone or bool((live - seen) - after or (seen - live) & after)

    # What writers do.

    def write(self) -> None:
        content = self.tip.content
        if content is not None:
            self.commit(content | {next(self.numbers)}, self.tip.lock, self.tip.saw)

    def drop(self) -> None:
        content = self.tip.content
        if content is not None and len(content) > 1:
            self.commit(content - {self.dice.choice(sorted(content))}, self.tip.lock, self.tip.saw)

    def delete(self) -> None:
        self.commit(None, self.tip.lock, self.tip.saw)

    def revert(self) -> None:
        """Take back one of the last commits of main, its lock with it."""
        at = self.dice.randrange(max(1, len(self.main) - 6), len(self.main)) if len(self.main) > 1 else 0
        if not at:
            return
        before, after = self.main[at - 1], self.main[at]
        content = merged(after.content, self.tip.content, before.content, self.dice)
        lock = self._merged_lock(after.lock, self.tip.lock, before.lock)
        dropped = self.tip.dropped
        self.commit(content, lock, self.tip.saw - (after.saw - before.saw))
        if after.saw != before.saw:
            # A pull is taken back with its baseline: it was never pulled, and coming again is no resurrection.
            self.main[-1] = replace(self.tip, dropped=dropped - (content or frozenset()))

    def pull(self) -> None:
        """Pull on a new branch from main, or on one that there is."""
        if len(self.branches) < 3 and self.dice.random() < 0.7:
            self.branches.append(Branch(fork=self.tip, tip=self.tip))
        if self.branches:
            branch = self.dice.choice(self.branches)
            branch.tip = self._pulled(branch.tip)

    def _pulled(self, tip: Commit) -> Commit:
        known, live = self.known_to(tip), self.live
        if known is None or known.state is not State.LIVE or live.edits is None or tip.content is None:
            return tip
        if known.live == _field(live.edits):
            return tip if known.updated_at == str(live.stamp) else self._settle_again(tip, known)
        base = _edits_of(known, "content")
        # The source with live's changes alone: that is what the baseline is with.
        theirs = merged(_edits_of(known, "live"), base, live.edits, self.dice)
        content = merged(base, tip.content, theirs, self.dice) or frozenset()
        if (content - tip.content) & tip.dropped - self.put_back:
            self.harm("deletion resurrected")
        if tip.content - content - self.taken_out:
            self.harm("content edit lost")
        lock = replace(self._baseline(theirs, State.LIVE), previous_blob=_text(tip.content))
        return tip.then(content, lock, tip.saw | {live.number})

    def kill_a_pull(self) -> None:
        """Pull on main, killed before the lock file is written; the writer commits what is there."""
        after = self._pulled(self.tip)
        if after.content != self.tip.content:
            self.commit(after.content, self.tip.lock, after.saw)

    def merge_badly(self) -> None:
        """Merge a branch and keep the file of one side with the lock file of the other."""
        if not self.branches:
            return
        branch = self.branches.pop(self.dice.randrange(len(self.branches)))
        mine, theirs = self.dice.sample([self.tip, branch.tip], 2)
        self.commit(mine.content, theirs.lock, mine.saw)

    def take_an_old_file(self) -> None:
        """Put the file of an older commit in the place of what is there, its lock file aside, and write on."""
        old = self.dice.choice(self.main[-6:])
        if old.content is not None and self.tip.content is not None:
            self.commit(old.content | {next(self.numbers)}, self.tip.lock, old.saw)

    def _settle_again(self, tip: Commit, known: Baseline) -> Commit:
        lock = replace(known, updated_at=str(self.live.stamp), seen_at=f"{self.clock:06}", supersedes="")
        return replace(tip, lock=lock, saw=tip.saw | {self.live.number})

    def edit_branch(self) -> None:
        for branch in self.branches[-1:]:
            if branch.tip.content is not None:
                tip = branch.tip
                branch.tip = tip.then(branch.tip.content | {next(self.numbers)}, tip.lock, tip.saw)

    def merge(self) -> None:
        self._merge(squash=False)

    def squash(self) -> None:
        self._merge(squash=True)

    def _merge(self, *, squash: bool) -> None:
        """Merge a branch, which may continue; after a squash the merge base is still where it began."""
        if not self.branches:
            return
        branch = self.branches.pop(self.dice.randrange(len(self.branches)))
        self._commit_merge(branch)
        if self.dice.random() < 0.3:
            self.branches.append(branch if squash else Branch(fork=self.tip, tip=self.tip))

    def _commit_merge(self, branch: Branch) -> None:
        content = merged(branch.fork.content, self.tip.content, branch.tip.content, self.dice)
        lock = self._merged_lock(branch.fork.lock, self.tip.lock, branch.tip.lock)
        self.commit(content, lock, self.tip.saw | branch.tip.saw)

    def follow(self) -> None:
        """Merge main into a branch."""
        for branch in self.branches[:1]:
            content = merged(branch.fork.content, branch.tip.content, self.tip.content, self.dice)
            lock = self._merged_lock(branch.fork.lock, branch.tip.lock, self.tip.lock)
            branch.tip = branch.tip.then(content, lock, branch.tip.saw | self.tip.saw)
            branch.fork = self.tip

    def throw_away(self) -> None:
        if self.branches:
            self.branches.pop()

    def _merged_lock(self, base: Baseline | None, mine: Baseline | None, theirs: Baseline | None) -> Baseline | None:
        if theirs in (mine, base):
            return mine
        return theirs if mine == base else self.dice.choice([mine, theirs])

    # What agents do.

    def web_edit(self) -> None:
        if self.live.edits is not None:
            self.show(self.live.edits | {next(self.numbers)}, by_agent=True)

    def web_drop(self) -> None:
        if self.live.edits is not None and len(self.live.edits) > 1:
            self.show(self.live.edits - {self.dice.choice(sorted(self.live.edits))}, by_agent=True)

    def web_restore(self) -> None:
        """Put an old version back; what was deleted on the portal is gone for good."""
        old = [version.edits for version in self.versions if version.edits is not None]
        if self.live.edits is not None:
            self.show(self.dice.choice(old[-6:]), by_agent=True)

    def web_save(self) -> None:
        if self.live.edits is not None:
            self.show(self.live.edits, by_agent=True)

    def web_delete(self) -> None:
        if self.live.edits is not None:
            self.show(None, by_agent=True)

    # What CI does.

    def publish(self) -> None:
        self._publish(self.tip)
        self.published = len(self.main) - 1

    def publish_old(self) -> None:
        """Run last week's job again: refused without the option that allows an old commit."""
        at = self.dice.randrange(max(0, len(self.main) - 8), len(self.main))
        is_meant = self.dice.random() < 0.3
        if at >= self.published or is_meant:
            self._publish(self.main[at])
            self.published = at

    def _publish(self, commit: Commit) -> None:
        known, live = self.known_to(commit), self.live
        if known is None and commit.content is None:
            return
        before, after = _status_of(commit.content, known, "content"), _status_of(live.edits, known, "live")
        state = known.state if known else None
        alike = commit.content is not None and commit.content == live.edits
        is_touched = known is not None and after is ChangeStatus.UNCHANGED and known.updated_at != str(live.stamp)
        unvouched = self._unvouched(known, commit)
        if unvouched is None:
            self._take_over(known, commit)
        match decide(state, before, after, alike=alike):
            case Decision.UPDATE | Decision.REMOVE if is_touched and self.holds and live.edits is not None:
                self.harm("held, though no field differs")
            case Decision.UPDATE | Decision.REMOVE if (
                unvouched and known and self._takes_back(unvouched, known, commit)
            ):
                if not self.is_unseen(commit.saw | self.written):
                    self.harm("held, though it was seen")
            case Decision.UPDATE | Decision.RESTORE | Decision.CREATE:
                self._send(commit.content, commit, State.LIVE)
            case Decision.REMOVE if live.edits is not None:
                self._send(live.edits | {AWAY}, commit, State.ARCHIVED)
            case Decision.ADOPT:
                self.written.add(live.number)
                self.ledger = self._baseline(commit.content, State.LIVE, over=commit.lock)
            case Decision.FORGET if known is not None:
                self.written.add(live.number)
                self.ledger = tombstone(known, seen=f"{self.clock:06}") if commit.lock else None
            case Decision.CONFLICT:
                self._held(commit)

    def _unvouched(self, known: Baseline | None, commit: Commit) -> Unvouched | None:
        """Return what was known before a lock file that alone calls live seen, while its file says something else."""
        lock = commit.lock
        if self.rule is not _the_newer or lock is None or known is None:
            return None
        ledger = {} if self.ledger is None else {KEY: self.ledger}
        before = unvouched_by({KEY: lock}, ledger, {KEY: known}).get(KEY)
        return before if lock.blob != _text(commit.content) else None

    def _takes_back(self, before: Unvouched, known: Baseline, commit: Commit) -> bool:
        if commit.content is None:
            return True
        older = [before.replaced.blob, *([before.published.blob] if before.published else [])]
        seen, now = _text(_edits_of(known, "live")).split(), _text(commit.content).split()
        return any(takes_back_words(text.split(), seen, now) for text in older)

    def _take_over(self, known: Baseline | None, commit: Commit) -> None:
        """Let the ledger hold what so far the lock alone knew, as every publish does."""
        lock = commit.lock
        if known is not None and lock is not None and (self.ledger is None or known.supersedes != fingerprint(lock)):
            self.ledger = replace(known, supersedes=fingerprint(lock))

    def _held(self, commit: Commit) -> None:
        if not self.is_unseen(commit.saw | self.written):
            self.harm("needless conflict")

    def _send(self, edits: Edits, commit: Commit, state: State) -> None:
        if self._overwrites_unseen(edits):
            self.harm("overwritten unseen")
        content = commit.content if state is State.LIVE else _edits_of(self.ledger, "content")
        self.show(edits, by_agent=False)
        self.ledger = self._baseline(content, state, over=commit.lock)

    def _baseline(self, content: Edits, state: State, *, over: Baseline | None = None) -> Baseline:
        return Baseline(
            kind=KEY[0],
            id=KEY[1],
            path="a.md",
            state=state,
            seen_at=f"{self.clock:06}",
            updated_at=str(self.live.stamp),
            blob=_text(content),
            content=_field(content),
            live=_field(self.live.edits),
            supersedes=fingerprint(over) if over else "",
        )


def _status_of(edits: Edits, known: Baseline | None, half: str) -> ChangeStatus:
    if edits is None:
        return ChangeStatus.GONE
    if known is not None and getattr(known, half)["body"] == _text(edits):
        return ChangeStatus.UNCHANGED
    return ChangeStatus.CHANGED


def _edits_of(known: Baseline | None, half: str) -> Edits:
    text = getattr(known, half).get("body", "gone") if known else "gone"
    return None if text == "gone" else frozenset(map(int, text.split()))


_STEPS: Mapping[str, tuple[float, Callable[[History], None]]] = {
    "write": (5, History.write),
    "drop": (2, History.drop),
    "delete": (1, History.delete),
    "revert": (2, History.revert),
    "web edit": (5, History.web_edit),
    "web drop": (2, History.web_drop),
    "web restore": (2, History.web_restore),
    "web save": (1, History.web_save),
    "web delete": (0.5, History.web_delete),
    "pull": (6, History.pull),
    "edit the branch": (4, History.edit_branch),
    "merge": (4, History.merge),
    "squash": (3, History.squash),
    "follow main": (2, History.follow),
    "kill a pull": (1, History.kill_a_pull),
    "merge badly": (1, History.merge_badly),
    "take an old file": (1, History.take_an_old_file),
    "throw away": (1, History.throw_away),
    "publish": (10, History.publish),
    "publish an old commit": (1, History.publish_old),
}


ACCIDENTS = frozenset({"kill a pull", "merge badly", "take an old file"})
"""The steps after which a file and its lock file are of two commits."""


def harmed(rule: str, histories: Sequence[int], *, holds: bool = True, accidents: bool = True) -> Counter[str]:
    """Count under one rule the histories, by their numbers, in which each harm was done."""
    found: Counter[str] = Counter(dict.fromkeys(HARMS, 0))
    for number in histories:
        history = History(RULES[rule], random.Random(number), holds=holds, accidents=accidents)
        found.update(history.play().keys())
    return found


def main() -> None:
    """Print the table that the architecture page shows."""
    histories = range(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
    rows: list[tuple[str, ...]] = [("rule", *HARMS), ("---", *["---:"] * len(HARMS))]
    for accidents, holds, rule in product((True, False), (True, False), RULES):
        found = harmed(rule, histories, holds=holds, accidents=accidents)
        name = f"**{rule}**" if rule == OURS else rule
        name += ("" if holds else ', `touched = "go"`') + ("" if accidents else ", no accidents")
        rows.append((name, *(f"{found[harm]:,}" for harm in HARMS)))
    sys.stdout.write("".join(f"| {' | '.join(row)} |\n" for row in rows))


if __name__ == "__main__":
    main()
