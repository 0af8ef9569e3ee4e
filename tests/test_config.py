"""Settings of one target: flags over environment over file over defaults, and every problem reported at once."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.config import Config, find_root, load_config
from kbsync.errors import ConfigError, Problem, UsageError
from kbsync.markup.options import MarkupOptions

Load = Callable[..., Config]

WHOLE = """
ignore = ["drafts/**", "*.txt"]
[targets.production]
url = "https://acme.freshdesk.com/"
public_url = "https://help.acme.com/"
language = "en"
languages = ["fr", "pt-BR"]
branch = "trunk"
assets_url = "https://cdn.acme.com/kb"
removed = "keep"
moved = "refuse"
touched = "go"
new = "all"
style = "clean"
share = 0.5
subfolders = false
[targets.staging]
url = "https://acme-test.freshdesk.com"
[limits]
archive = 5
[ledger]
remote = "upstream"
[front_matter]
ignore = ["id", "weight"]
[markup]
highlight = false
linkify = true
typographer = true
contents = "Inhalt"
[pull]
keep_classes = ["note", "*"]
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(text: str, environ: dict[str, str] | None = None, **flags: object) -> Config:
        (tmp_path / "kbsync.toml").write_bytes(text.encode())
        return load_config(tmp_path, flags, environ or {})

    return loaded


def test_every_setting_is_read(load: Load, tmp_path: Path) -> None:
    assert load(WHOLE) == Config(
        root=tmp_path,
        target="production",
        url="https://acme.freshdesk.com",
        public_url="https://help.acme.com",
        language="en",
        languages=("fr", "pt-BR"),
        branch="trunk",
        assets_url="https://cdn.acme.com/kb",
        removed="keep",
        moved="refuse",
        touched="go",
        new="all",
        style="clean",
        share=0.5,
        archive_share=None,
        archive_number=5,
        remote="upstream",
        ignore=("drafts/**", "*.txt"),
        ignored_keys=frozenset({"id", "weight"}),
        subfolders=False,
        markup=MarkupOptions(
            highlight=False, linkify=True, typographer=True, contents="Inhalt", keep_classes=("note", "*")
        ),
    )


def test_without_a_file_the_defaults_are_those_of_the_reference(tmp_path: Path) -> None:
    config = load_config(tmp_path, {}, {})
    assert config == Config(root=tmp_path)
    assert (config.target, config.branch, config.share, config.archive_share) == ("production", "", 0.8, 0.3)
    assert (config.removed, config.moved, config.touched, config.new) == (
        "archive",
        "archive",
        "hold",
        "managed-folders",
    )


def test_each_target_has_its_own_settings_and_shares_the_rest(load: Load) -> None:
    staging = load(WHOLE, target="staging")
    assert (staging.target, staging.url, staging.branch) == ("staging", "https://acme-test.freshdesk.com", "")
    assert (staging.remote, staging.archive_number) == ("upstream", 5)


def test_readers_see_the_public_address_where_there_is_one(load: Load) -> None:
    assert load(WHOLE).readers_url == "https://help.acme.com"
    assert load(WHOLE, target="staging").readers_url == "https://acme-test.freshdesk.com"


VARIABLES = {
    "url": "https://other.freshdesk.com",
    "public_url": "https://other.acme.com",
    "language": "de",
    "branch": "release",
    "assets_url": "https://other.cdn",
    "removed": "delete",
    "moved": "archive",
    "touched": "hold",
    "new": "none",
    "style": "keep",
}


@pytest.mark.parametrize("name", VARIABLES)
def test_the_environment_wins_over_the_file_and_a_flag_over_both(load: Load, name: str) -> None:
    environ = {f"KBSYNC_{name.upper()}": VARIABLES[name]}
    assert getattr(load(WHOLE), name) != VARIABLES[name]
    assert getattr(load(WHOLE, environ), name) == VARIABLES[name]
    assert getattr(load(WHOLE, environ, **{name: "flag"}), name) == "flag"
    assert getattr(load(WHOLE, environ, **{name: None}), name) == VARIABLES[name]


def test_the_target_comes_from_flag_environment_or_default(load: Load) -> None:
    environ = {"KBSYNC_TARGET": "staging"}
    assert load(WHOLE).target == "production"
    assert load(WHOLE, environ).target == "staging"
    assert load(WHOLE, environ, target="production").target == "production"


def test_the_file_cannot_have_secrets(load: Load) -> None:
    assert not [field.name for field in fields(Config) if "key" in field.name and field.name != "ignored_keys"]
    with pytest.raises(ConfigError) as caught:
        load('[targets.production]\napi_key = "abc"\n')
    assert "abc" not in str(caught.value.problems)


@pytest.mark.parametrize("name", ["Prod", "my target", "", "prod/uction", "é"])
def test_a_target_has_a_plain_name(load: Load, name: str) -> None:
    if name:
        with pytest.raises(UsageError, match="is not a valid target name"):
            load("", target=name)
    else:
        assert load("", target=name).target == "production"


@pytest.mark.parametrize(
    ("value", "expected"),
    [('"30%"', (0.3, None)), ('"0%"', (0.0, None)), ('"100%"', (1.0, None)), ("0", (None, 0)), ("12", (None, 12))],
)
def test_the_limit_is_a_share_or_a_number(load: Load, value: str, expected: tuple[float | None, int | None]) -> None:
    config = load(f"[limits]\narchive = {value}\n")
    assert (config.archive_share, config.archive_number) == expected


@pytest.mark.parametrize("value", ['"101%"', '"3"', "-1", "true", "0.3", "[]"])
def test_an_invalid_limit_is_refused(load: Load, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"[limits]\narchive = {value}\n")
    assert [(problem.line, problem.message.split(" cannot ")[0]) for problem in caught.value.problems] == [
        (2, "archive")
    ]


@pytest.mark.parametrize("value", ["0", "1.01", '"1"', "true", "nan"])
def test_an_invalid_share_is_refused(load: Load, value: str) -> None:
    with pytest.raises(ConfigError):
        load(f"[targets.production]\nshare = {value}\n")


@pytest.mark.parametrize(
    "line", ['linkify = "yes"', "highlight = 1", "contents = 3", 'contents = " "', "linkfy = true"]
)
def test_an_invalid_markup_option_is_refused(load: Load, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"[markup]\n{line}\n")
    assert [problem.line for problem in caught.value.problems] == [2]


@pytest.mark.parametrize("line", ['keep_classes = "*"', "keep_classes = [1]", 'keep_classes = ["a b"]', "keep = []"])
def test_an_invalid_pull_option_is_refused(load: Load, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"[pull]\n{line}\n")
    assert [problem.line for problem in caught.value.problems] == [2]


def test_mistakes_in_other_targets_are_reported_too(load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load('[targets.production]\nurl = "https://a"\n[targets.staging]\nurll = "https://b"\nremoved = "burn"\n')
    assert [problem.line for problem in caught.value.problems] == [4, 5]


@given(text=st.text(max_size=200))
def test_any_file_is_read_or_refused_with_its_place(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    root.mkdir(exist_ok=True)
    (root / "kbsync.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    found: tuple[Problem, ...] = ()
    try:
        load_config(root, {}, {})
    except ConfigError as error:
        found = error.problems
    assert {problem.path for problem in found} <= {"kbsync.toml"}


def test_the_nearest_file_upward_marks_the_root(tmp_path: Path) -> None:
    inner = tmp_path / "docs" / "help"
    deep = inner / "guide" / "start"
    deep.mkdir(parents=True)
    for folder in (tmp_path, inner):
        (folder / "kbsync.toml").touch()
    assert find_root(deep, None) == inner.resolve()
    assert find_root(tmp_path / "docs", None) == tmp_path.resolve()
    assert find_root(tmp_path, str(deep)) == deep.resolve()


def test_the_content_directory_is_the_last_place_to_search(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "kbsync.toml").touch()
    assert find_root(tmp_path, None) == (tmp_path / "content").resolve()
    (tmp_path / "kbsync.toml").touch()
    assert find_root(tmp_path, None) == tmp_path.resolve()
    with pytest.raises(UsageError, match="is not a directory"):
        find_root(tmp_path, str(tmp_path / "kbsync.toml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("a = " + "9" * 5000, "a number has too many digits"),
    ],
    ids=["open", "closed", "digits"],
)
def test_a_file_that_no_parser_takes_is_a_problem(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "kbsync.toml").write_text(text)
    with pytest.raises(ConfigError) as wrong:
        load_config(tmp_path, {}, {})
    assert message in wrong.value.problems[0].message


def test_a_file_that_is_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('[targets.production]\nurl = "https://acme.freshdesk.com"\n')
    (tmp_path / "root").mkdir()
    (tmp_path / "root/kbsync.toml").symlink_to(tmp_path / "other.toml")
    with pytest.raises(UsageError, match="is a symbolic link"):
        load_config(tmp_path / "root", {}, {})
