"""The API key: from the environment only, for trusted hosts only, in no text."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.config import Config, Secret, key_for, load_config
from kbsync.errors import UsageError

KEY = {"FRESHDESK_API_KEY": "s3cret"}


def _config(url: str, target: str = "production") -> Config:
    return Config(root=Path(), url=url, target=target)


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.freshdesk.com",
        "https://ACME.Freshdesk.COM",
        "https://acme.freshdesk.com:443/",
        "http://127.0.0.1:8765",
        "http://localhost:8765",
        "http://[::1]:8765",
        "https://127.0.0.1",
    ],
)
def test_trusted_hosts_may_have_the_key(url: str) -> None:
    assert key_for(_config(url), KEY).reveal() == "s3cret"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "acme.freshdesk.com",
        "//acme.freshdesk.com",
        "http://acme.freshdesk.com",
        "https://freshdesk.com",
        "https://evil.example",
        "https://evil.example/.freshdesk.com",
        "https://evil.example?.freshdesk.com",
        "https://evil.example#.freshdesk.com",
        "https://acme.freshdesk.com.evil.example",
        "https://acmefreshdesk.com",
        "https://acme.freshdesk.com@evil.example",
        "https://evil.example\\.freshdesk.com",
        "https://evil.example\uff0f.freshdesk.com",
        "https://[::1",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://portal.localhost",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_other_hosts_may_not(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        key_for(_config(url), KEY)
    assert caught.value.advice
    assert "s3cret" not in f"{caught.value} {caught.value.advice}"


def test_another_host_is_allowed_in_the_environment_only() -> None:
    url = "https://kb.acme.com"
    for allowed in ("kb.acme.com", "KB.ACME.COM", "x.com, kb.acme.com"):
        assert key_for(_config(url), KEY | {"KBSYNC_ALLOW_HOST": allowed}).reveal() == "s3cret"
    for other in ("acme.com", "*.acme.com", "b.acme.com", "kb.acme.com.evil", "", ","):
        with pytest.raises(UsageError, match=r"the API key is not sent to kb\.acme\.com"):
            key_for(_config(url), KEY | {"KBSYNC_ALLOW_HOST": other})
    with pytest.raises(UsageError, match="is not https"):
        key_for(_config("http://kb.acme.com"), KEY | {"KBSYNC_ALLOW_HOST": "kb.acme.com"})


def test_a_target_can_have_its_own_key() -> None:
    config = _config("https://acme.freshdesk.com", target="stage-2")
    assert key_for(config, KEY | {"FRESHDESK_API_KEY_STAGE_2": "other"}).reveal() == "other"
    assert key_for(config, KEY | {"FRESHDESK_API_KEY_PRODUCTION": "other"}).reveal() == "s3cret"
    with pytest.raises(UsageError) as caught:
        key_for(config, {})
    assert caught.value.advice == "set FRESHDESK_API_KEY (or FRESHDESK_API_KEY_STAGE_2) in the environment"


@given(value=st.text(min_size=4))
def test_a_secret_is_in_no_text(value: str) -> None:
    secret = Secret(value)
    assert secret.reveal() == value
    shown = f"{secret} {secret!r} {secret!s} {[secret]} { ({'a': secret}) }"
    assert value not in shown.replace("Secret(…)", "")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8765", "http://localhost:1", "http://[::1]:8765", "https://127.9.9.9"]
)
def test_loopback_that_the_file_alone_names_gets_the_key_of_the_sandbox(tmp_path: Path, url: str) -> None:
    (tmp_path / "kbsync.toml").write_text(f'[targets.production]\nurl = "{url}"\n')
    host = urlsplit(url).hostname or ""
    assert key_for(load_config(tmp_path, {}, {}), KEY).reveal() == "sandbox"
    assert key_for(load_config(tmp_path, {"url": None}, {}), {}).reveal() == "sandbox"
    assert key_for(load_config(tmp_path, {"url": url}, {}), KEY).reveal() == "s3cret"
    assert key_for(load_config(tmp_path, {}, {"KBSYNC_URL": url}), KEY).reveal() == "s3cret"
    assert key_for(load_config(tmp_path, {}, {}), KEY | {"KBSYNC_ALLOW_HOST": host}).reveal() == "s3cret"
