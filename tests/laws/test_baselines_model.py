"""The toy model's figures, in small: the rule of kbsync loses no work, and each other rule does more harm."""

import random

import pytest

from tests.laws.baselines_model import OURS, RULES, STEPS, History, harmed

HISTORIES = range(3000)
LOSSES = ("overwritten unseen", "content edit lost")


@pytest.mark.parametrize("rule", RULES)
def test_no_web_edit_is_overwritten_unseen_while_a_save_holds_a_publish(rule: str) -> None:
    assert harmed(rule, range(500), accidents=False)["overwritten unseen"] == 0


def test_no_web_edit_is_overwritten_unseen_when_a_file_and_its_lock_file_diverge() -> None:
    assert harmed(OURS, range(1000))["overwritten unseen"] == 0
    assert harmed("the lock first", range(1000))["overwritten unseen"] > 0


def test_without_that_rule_a_web_edit_is_overwritten_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(History, "_unvouched", lambda *_: None)
    assert harmed(OURS, range(1000))["overwritten unseen"] > 0


def test_the_newer_baseline_loses_nothing_and_asks_least() -> None:
    found = {rule: harmed(rule, HISTORIES, accidents=False) for rule in RULES}
    assert [found[OURS][harm] for harm in LOSSES] == [0, 0]
    for rule in RULES.keys() - {OURS}:
        assert found[rule]["needless conflict"] > 3 * found[OURS]["needless conflict"], rule
        assert found[rule]["deletion resurrected"] > 3 * found[OURS]["deletion resurrected"], rule
    assert found["the lock first"]["content edit lost"] > 0


def test_the_model_sees_the_harm_that_a_worse_rule_does() -> None:
    found = {rule: harmed(rule, HISTORIES, holds=False, accidents=False)["overwritten unseen"] for rule in RULES}
    assert found["the ledger alone"] > found["the lock first"] > 2 * found[OURS] > 0


def test_every_step_of_the_model_is_taken() -> None:
    did = {step.partition(":")[0] for number in range(50) for step in _steps(number)}
    assert len(did) == 20, sorted(did)


def _steps(number: int) -> list[str]:
    history = History(RULES[OURS], random.Random(number))
    history.play()
    assert len(history.did) == STEPS
    return history.did
