"""Keys, addresses and portals that are wrong: the message, where the key does not go, and that nothing is lost."""

from collections.abc import Callable

import pytest

from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import FIRST, Project
from tests.freshdesk.faulty import FaultyServer, faulty, reply

COMMANDS = (["plan"], ["publish", "--yes"], ["pull"], ["status"])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sand\nbox", "the API key contains a line break"),
        ("sandbox\n", "the API key contains a line break"),
        ("sandbox\r\nX-Evil: 1", "the API key contains a line break"),
        ("sand box", "the API key contains a character that is not allowed in a key"),
        ("sandb\u00f6x", "the API key contains a character that is not allowed in a key"),
        ("", "no API key"),
        (" \n", "no API key"),
    ],
)
def test_a_key_that_is_not_valid_is_refused_before_any_call_and_not_shown(
    project: Project, key: str, message: str
) -> None:
    for words in COMMANDS:
        result = project.kbsync(*words, FRESHDESK_API_KEY=key, KBSYNC_URL=project.portal.url)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"error: {message}\n  try: ")
        assert "FRESHDESK_API_KEY" in result.err
        assert not key.strip() or key.strip() not in result.err
    assert project.portal.calls == []


def test_the_error_for_a_wrong_key_does_not_show_the_key(project: Project) -> None:
    result = project.kbsync("plan", FRESHDESK_API_KEY="S3cretKeyOfSomebody", KBSYNC_URL=project.portal.url)
    assert (result.code, result.out) == (1, "")
    assert "Freshdesk rejected the API key" in result.err
    assert "FRESHDESK_API_KEY" in result.err
    assert "S3cret" not in result.err


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://acme.freshdesk.com", "http://acme.freshdesk.com is not https"),
        ("https://evil.example", "the API key is not sent to evil.example"),
        ("https://freshdesk.com.evil.example", "the API key is not sent to freshdesk.com.evil.example"),
        ("https://evilfreshdesk.com", "the API key is not sent to evilfreshdesk.com"),
        ("https://127.0.0.1.evil.example", "the API key is not sent to 127.0.0.1.evil.example"),
        ("https://me:secret@acme.freshdesk.com", "`url` contains a user name or a password"),
        ("https://evil.example\\@acme.freshdesk.com", "`url` contains a user name or a password"),
        ("acme.freshdesk.com", "'acme.freshdesk.com' is not a valid URL"),
        ("ftp://acme.freshdesk.com", "'ftp://acme.freshdesk.com' is not a valid URL"),
        ("https://[::1", "'https://[::1' is not a valid URL"),
        ("https://evil.example\uff0f.freshdesk.com", "is not a valid URL"),
        ("https://acme.freshdesk.com:99999", "`url` is not a valid URL"),
        ("https://acme.freshdesk.com/support/home", "`url` is the URL of a page, not of a portal"),
    ],
)
@pytest.mark.parametrize("where", ["file", "flag", "variable"])
def test_an_address_that_may_not_have_the_key_is_refused(project: Project, url: str, message: str, where: str) -> None:
    project.checkout.write(
        "kbsync.toml", f"[targets.production]\nurl = '{url if where == 'file' else project.portal.url}'\n"
    )
    project.checkout.commit()
    flags = ["--url", url] if where == "flag" else []
    environ = {"KBSYNC_URL": url} if where == "variable" else {}
    for words in COMMANDS:
        result = project.kbsync(*flags, *words, **environ)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("error: ")
        assert message in result.err
        assert "  try: " in result.err
        assert "secret" not in result.err
    assert project.portal.calls == []


def test_a_foreign_host_is_allowed_by_the_environment_alone(project: Project) -> None:
    project.checkout.write(
        "kbsync.toml", '[targets.production]\nurl = "https://kb.invalid"\nallow_host = "kb.invalid"\n'
    )
    assert "unknown key 'allow_host'" in project.kbsync("plan").err
    project.checkout.write("kbsync.toml", '[targets.production]\nurl = "https://kb.invalid"\n')
    assert project.kbsync("plan").code == 2
    assert project.kbsync("plan", KBSYNC_ALLOW_HOST="other.invalid").code == 2
    result = project.kbsync("plan", KBSYNC_ALLOW_HOST="other.invalid, KB.invalid")
    assert result.code == 1
    assert result.err.startswith("error: kb.invalid: host not found, or no network")


def test_without_refresh_a_foreign_address_is_harmless(project: Project) -> None:
    project.checkout.write("kbsync.toml", '[targets.production]\nurl = "https://evil.example"\n')
    assert project.kbsync("plan", "--no-refresh").code == 0


def test_a_portal_that_does_not_answer_ends_with_advice(project: Project) -> None:
    result = project.kbsync("--url", "http://127.0.0.1:1", "plan")
    assert result.code == 1
    assert result.err.startswith("error: 127.0.0.1:1: connection refused")
    assert "try: check `url` and its port" in result.err


PAGE = "<!doctype html><title>Sign in</title><p>Please sign in</p>"
ANSWERS = {
    "a redirect to another host": (
        reply(b"", status="302 Found", headers={"Location": "https://evil.example/api/v2/solutions/categories"}),
        "redirects to another host, evil.example",
    ),
    "HTML for JSON": (reply(PAGE, kind="text/html"), "sent a web page instead of JSON"),
    "HTML that calls itself JSON": (reply(PAGE), "sent a web page instead of JSON"),
    "something else than a list": (reply('{"a": 1}'), "is not a list of categories"),
    "a page on another host": (
        reply("[]", headers={"Link": '<https://evil.example/next>; rel="next"'}),
        "the next page of /api/v2/solutions/categories is on another host, evil.example",
    ),
    "a refusal that quotes the key": (
        reply('{"code": "access_denied", "message": "no sandbox for c2FuZGJveDpY"}', status="403 Forbidden"),
        "the owner of the API key does not have this permission",
    ),
    "a refusal with escape sequences": (
        reply('{"code": "x", "message": "\\u001b[2J\\u001b]0;owned\\u0007bad"}', status="400 Bad Request"),
        "bad",
    ),
    "an account that is locked out": (
        reply("", status="429 Too Many Requests", headers={"Retry-After": "3600"}),
        "asks to wait 60 minutes",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_server_that_is_not_a_portal_is_reported_and_nothing_is_written(project: Project, name: str) -> None:
    answer, message = ANSWERS[name]
    before = project.checkout.files(), project.checkout.git("for-each-ref")
    for words in COMMANDS:
        with faulty(lambda line, number: answer) as server:
            result = project.kbsync("--url", server.url, *words)
        assert (result.code, result.out) == (1, ""), words
        assert result.err.startswith("error: ")
        assert message in result.err
        assert "\n  try: " in result.err
        assert "\x1b" not in result.err
        assert "c2FuZGJveDpY" not in result.err
        assert "no sandbox" not in result.err
        assert [line for line in server.lines if not line.startswith("GET ")] == []
    assert (project.checkout.files(), project.checkout.git("for-each-ref")) == before


def test_a_redirect_never_gets_the_key(project: Project) -> None:
    def elsewhere(there: FaultyServer) -> Callable[[str, int], bytes]:
        return lambda line, number: reply(b"", status="307 Moved", headers={"Location": f"{there.url}/x"})

    with faulty(lambda line, number: reply("[]")) as other, faulty(elsewhere(other)) as server:
        assert project.kbsync("--url", server.url, "plan").code == 1
        assert len(server.lines) == 1
        assert other.lines == []


def test_the_key_is_in_no_output_and_no_file(project: Project) -> None:
    key = "K3yThatNobodyMaySee"
    with faulty(lambda line, number: reply(f'{{"message": "{key} {line}"}}', status="500 Oops")) as server:
        result = project.kbsync("--url", server.url, "plan", FRESHDESK_API_KEY=key)
    assert result.code == 1
    assert key not in result.out + result.err


@pytest.mark.parametrize("settings", [SandboxSettings(key="K3yThatNobodyMaySee")])
def test_the_key_is_nowhere_after_a_publish_and_a_pull(project: Project) -> None:
    key = "K3yThatNobodyMaySee"
    named = {"KBSYNC_URL": project.portal.url}
    output = [project.kbsync("publish", "--yes", **named), project.kbsync("plan", "--format", "json", **named)]
    project.portal.store.edit_article(project.article("First steps"), body="<p>Theirs</p>")
    output += [project.kbsync(*words, **named) for words in (["pull"], ["status"], ["plan", "--format", "html"])]
    assert all(key not in result.out + result.err for result in output)
    assert [path for path, data in project.checkout.files().items() if key.encode() in data] == []
    ledger = project.checkout.git("grep", "-I", "--count", "-e", "First steps", "refs/kbsync/production")
    assert ledger
    assert project.checkout.git("log", "--all", "-p", f"-S{key}") == ""
    assert FIRST in project.checkout.content()
