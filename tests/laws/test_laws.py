"""The laws over lives of a knowledge base: two writers, an agent, branches, crashes, clones, and an embedded portal.

Several machines of the same rules, so that the workers of a check share them; together they take 10,000 steps.
"""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.machine import Laws

STEPS_A_LIFE = 80
LIVES = 12
SHARES = 16


@pytest.mark.timeout(900)
@pytest.mark.parametrize("share", range(SHARES))
def test_the_laws_hold_through(share: int) -> None:
    Laws.tally.clear()
    how = settings(
        max_examples=LIVES,
        stateful_step_count=STEPS_A_LIFE,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(seed(share)(Laws), settings=how)
    assert Laws.tally["steps"] * SHARES >= 10_000
