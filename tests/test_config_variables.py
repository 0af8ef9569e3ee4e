"""`[variables]` in kbsync.toml."""

from pathlib import Path

import pytest

from kbsync.config import load_config
from kbsync.errors import ConfigError
from tests.content.cases import shown


def variables(root: Path, text: str) -> dict[str, str]:
    (root / "kbsync.toml").write_text(text, encoding="utf-8")
    return dict(load_config(root, {}, {}).variables)


def test_texts_and_whole_numbers_are_variables(tmp_path: Path) -> None:
    text = '[variables]\nproduct = " Acme "\ndays-2 = 30\n"цена" = "10 €"\nempty = ""\n'
    assert variables(tmp_path, text) == {"product": "Acme", "days-2": "30", "цена": "10 €", "empty": ""}
    assert variables(tmp_path, "") == variables(tmp_path, "[variables]\n") == {}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("share = 1.10", "the variable share cannot be 1.1 (use a string in quotes, on one line)"),
        ("on = true", "the variable on cannot be True (use a string in quotes, on one line)"),
        ("list = []", "the variable list cannot be [] (use a string in quotes, on one line)"),
        ('long = """a\nb"""', "the variable long cannot be 'a\\nb' (use a string in quotes, on one line)"),
        ('"a b" = "x"', "'a b' is not a valid variable name (use letters, digits, _ and -)"),
        ('1st = "x"', "'1st' is not a valid variable name (use letters, digits, _ and -)"),
        ('a.b = "x"', "the variable a cannot be {'b': 'x'} (use a string in quotes, on one line)"),
    ],
)
def test_an_invalid_variable_is_reported_with_its_line(tmp_path: Path, line: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        variables(tmp_path, f"[variables]\n{line}\n")
    assert [shown(problem) for problem in caught.value.problems] == [f"kbsync.toml:2: {what}"]


def test_variables_that_are_not_a_table_are_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        variables(tmp_path, 'variables = "x"\n')
    assert "variables is not a table" in str(caught.value.problems[0])
