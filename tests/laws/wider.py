"""More than the check on a server plays: links, one side that wins, saves on the web between plan and write.

By hand, with `python -m tests.laws --wider`: it still finds histories in which a law does not hold.
"""

from typing import ClassVar
from unittest.mock import patch

from hypothesis.stateful import rule

from kbsync.engine import session
from tests.engine.clone import read_long_ago
from tests.laws.machine import HOW, WHICH, WHO, Laws


class Wider(Laws):
    """The machine with writers who link articles, and with the flags that let one side win."""

    links_others: ClassVar[bool] = True

    @rule(who=WHO, side=HOW, which=WHICH, how=HOW)
    def pulls_for_one_side(self, who: int, side: int, which: int, how: int) -> None:
        self._step("pulls for one side")
        person = self._person(who)
        person.commit()
        here = sorted(person.articles())
        path = frozenset({here[which % len(here)]})
        wins = ({"ours": path}, {"theirs": path}, {"prune": True})[how % 3]
        self.scenario.pull(person, side, **wins)

    @rule(who=WHO, which=WHICH, how=HOW)
    def overwrites(self, who: int, which: int, how: int) -> None:
        self._step("overwrites")
        person = self._person(who)
        if how % 4:
            person.share(how)
        person.commit()
        self.scenario.overwrite(person, which)

    @rule(who=WHO, which=WHICH, how=HOW)
    def publishes_while_the_agent_saves(self, who: int, which: int, how: int) -> None:
        self._step("publishes while the agent saves")
        person = self._person(who)
        person.share(how)
        saves = (self.agent.edit_text, self.agent.edit_fields, self.agent.restore)[how % 3]
        # An item read less than five seconds ago is not read again: nothing changes that quickly here.
        with patch.object(session, "LiveSide", read_long_ago):
            self.scenario.publish(person, twice=False, meanwhile=lambda: saves(which, how))
