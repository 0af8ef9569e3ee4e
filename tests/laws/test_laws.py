"""The laws over histories of a knowledge base: two writers, an agent, branches, crashes, clones, an embedded portal.

Several machines of the same rules, so that the workers of a check share them; together they take 1,000 steps, the same
ones each time. `python -m tests.laws --seed NUMBER` plays others: 200,000 every night, with the date as the seed.
"""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.machine import Laws

STEPS = 1_000
STEPS_A_LIFE = 80
SHARES = 4


@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", range(SHARES))
def test_the_laws_hold_through(share: int) -> None:
    Laws.tally.clear()
    _play(share, 5)
    if Laws.tally["steps"] * SHARES < STEPS:
        _play(SHARES + share, 2)
    assert Laws.tally["steps"] * SHARES >= STEPS


def _play(number: int, histories: int) -> None:
    how = settings(
        max_examples=histories,
        stateful_step_count=STEPS_A_LIFE,
        deadline=None,
        database=None,
        # Looking for the shortest form takes minutes: `python -m tests.laws --only --seed N` does it by hand.
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(seed(number)(Laws), settings=how)
