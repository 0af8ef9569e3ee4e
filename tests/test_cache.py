"""The cache: nothing is converted twice, and no cache error stops a run."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync import digests
from kbsync.cache import Cache, code_version, open_cache
from kbsync.markup import links
from kbsync.markup.options import PLAIN
from kbsync.markup.to_markdown import addresses_in, to_markdown
from kbsync.memo import memoized, memoizing
from kbsync.model import Article, ItemKey, Kind

UNIX = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
NAME = b"a name"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "cache" / "texts.sqlite3"


def put(file: Path, *texts: str, code: str = "", largest: int = 2**20) -> None:
    with closing(Cache(file, code=code, largest=largest)) as cache:
        for text in texts:
            cache.put(text[:20].encode(), text)


def get(file: Path, *texts: str, code: str = "") -> list[str]:
    with closing(Cache(file, code=code)) as cache:
        return [text for text in texts if cache.get(text[:20].encode()) == text]


@dataclass(slots=True)
class CountingStore:
    """A store in memory that counts its hits."""

    texts: dict[bytes, str] = field(default_factory=dict)
    hits: int = 0

    def get(self, name: bytes) -> str | None:
        self.hits += name in self.texts
        return self.texts.get(name)

    def put(self, name: bytes, text: str) -> None:
        self.texts[name] = text


def test_a_text_is_found_again_by_this_run_and_the_next(file: Path) -> None:
    with closing(Cache(file)) as cache:
        assert cache.get(NAME) is None
        cache.put(NAME, "text")
        assert cache.get(NAME) == "text"
    with closing(Cache(file)) as cache:
        assert cache.get(NAME) == "text"
        assert cache.get(b"another") is None


@settings(max_examples=25)
@given(text=st.text(st.characters(exclude_categories=[])), name=st.binary())
def test_any_text_is_returned_unchanged(text: str, name: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("cache") / "texts.sqlite3"
    with closing(Cache(place)) as cache:
        cache.put(name, text)
    with closing(Cache(place)) as cache:
        assert cache.get(name) == text


def test_other_code_finds_no_results_of_this_code(file: Path) -> None:
    put(file, "text", code="one")
    assert get(file, "text", code="two") == []
    assert get(file, "text", code="one") == ["text"]


def test_the_code_version_changes_with_every_module_and_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "kbsync"
    shutil.copytree(Path(digests.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("kbsync.cache._PACKAGE", package)
    versions = [code_version.__wrapped__()]
    assert versions == [code_version()]
    for module in (
        Path(module.__file__ or "").relative_to(Path(digests.__file__).parent) for module in (digests, links)
    ):
        (package / module).write_bytes((package / module).read_bytes() + b"\n")
        versions.append(code_version.__wrapped__())
        (package / module).rename(package / module.with_name("renamed.py"))
        versions.append(code_version.__wrapped__())
    monkeypatch.setattr("kbsync.cache.version", lambda library: "0.0")
    versions.append(code_version.__wrapped__())
    assert len(set(versions)) == len(versions)


@UNIX
def test_only_its_owner_may_read_it(file: Path) -> None:
    before = os.umask(0)
    try:
        with closing(Cache(file)) as cache:
            for number in range(1200):
                cache.put(b"%d" % number, "text")
            modes = {place.name: stat.S_IMODE(place.stat().st_mode) for place in file.parent.iterdir()}
            assert len(modes) > 1, "a journal stands beside the file while it is open"
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_cache_deleted_before_a_run_starts_empty(file: Path) -> None:
    put(file, "text")
    for place in file.parent.iterdir():
        place.unlink()
    assert get(file, "text") == []
    put(file, "text")
    assert get(file, "text") == ["text"]


@UNIX
@pytest.mark.parametrize("gone", ["all", "file", "journals", "folder"])
def test_a_cache_deleted_during_a_run_causes_no_error(file: Path, gone: str) -> None:
    with closing(Cache(file)) as cache:
        for number in range(600):
            cache.put(b"%d" % number, "text")
        for place in list(file.parent.iterdir()):
            if gone in ("all", "folder") or (place == file) == (gone == "file"):
                place.unlink()
        if gone == "folder":
            file.parent.rmdir()
        for number in range(1200):
            assert cache.get(b"%d" % number) in (None, "text")
            cache.put(b"%d" % number, "text")
    put(file, "another")
    put(file, "another")
    assert get(file, "another") == ["another"]


@pytest.mark.parametrize("data", [b"", b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_replaced(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    put(file, "text")
    assert get(file, "text") == ["text"]


def test_a_database_that_was_overwritten_in_part_gives_nothing_wrong(file: Path) -> None:
    texts = [f"{number:05d}" + "word " * 200 for number in range(500)]
    put(file, *texts)
    data = bytearray(file.read_bytes())
    for start in range(4096 * 2, len(data), 4096 * 3):
        data[start + 100 : start + 600] = b"\x07" * 500
    file.write_bytes(data)
    assert len(get(file, *texts)) < len(texts)
    put(file, *texts)
    put(file, *texts)
    assert get(file, *texts) == texts


def test_a_text_that_was_changed_on_disk_is_not_returned(file: Path) -> None:
    put(file, "text")
    with closing(sqlite3.connect(file)) as connection:
        (checked,) = connection.execute("SELECT text FROM texts").fetchone()
        connection.execute("UPDATE texts SET text = ?", (checked.replace(b"text", b"test"),))
        connection.commit()
    assert get(file, "text") == []


@UNIX
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_without_permission_to_write_there_is_no_cache(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        put(tmp_path / "cache" / "texts", "text")
        assert get(tmp_path / "cache" / "texts", "text") == []
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_place_of_the_folder_means_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "texts").mkdir()
    for place in (tmp_path / "file" / "texts", tmp_path / "texts"):
        put(place, "text")
        assert get(place, "text") == []


def test_a_table_with_another_schema_means_no_cache(file: Path) -> None:
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE texts (something TEXT)")
    put(file, "text")
    assert get(file, "text") == []


def test_the_least_recently_used_texts_are_deleted_when_it_is_full(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000_000]
    monkeypatch.setattr("kbsync.cache.time.time", lambda: now[0])
    texts = [f"{number:04d}" + "x" * 2000 for number in range(90)]
    for text in texts:
        now[0] += 86_401
        put(file, text, largest=100_000)
        get(file, texts[0])
    kept = get(file, *texts)
    assert texts[0] in kept
    assert texts[-1] in kept
    assert texts[1] not in kept
    assert file.stat().st_size < 150_000


def test_one_large_text_never_displaces_the_others(file: Path) -> None:
    put(file, "small", "x" * 10_000, largest=100_000)
    assert get(file, "small", "x" * 10_000) == ["small"]


def test_several_runs_at_once_keep_everything_they_store(file: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from kbsync.cache import Cache\n"
        "cache = Cache(Path(sys.argv[1]))\n"
        "for n in range(1500):\n"
        "    assert cache.get(b'%d' % n) in (None, f'text {n}')\n"
        "    cache.put(b'%d' % n, f'text {n}'); cache.put(sys.argv[2].encode() + b'%d' % n, 'own')\n"
        "cache.close()\n"
    )
    put(file, "first")
    runs = [subprocess.Popen([sys.executable, "-c", script, str(file), letter]) for letter in "abcd"]
    assert [run.wait(60) for run in runs] == [0, 0, 0, 0]
    with closing(Cache(file)) as cache:
        assert all(cache.get(b"%d" % number) == f"text {number}" for number in range(1500))
        assert all(cache.get(b"%s%d" % (letter, 1499)) == "own" for letter in (b"a", b"b", b"c", b"d"))


@pytest.mark.parametrize(("value", "there"), [("1", False), ("yes", False), ("0", True), ("", True), (None, True)])
def test_the_environment_can_switch_it_off(
    value: str | None, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kbsync.cache.user_cache_path", lambda *_, **__: tmp_path / "kbsync")
    with open_cache({} if value is None else {"KBSYNC_NO_CACHE": value}) as cache:
        assert (cache is not None) is there
        if cache:
            cache.put(NAME, "text")
    assert (tmp_path / "kbsync").exists() is there


def test_without_a_home_directory_there_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kbsync.cache.user_cache_path", lambda *_, **__: Path("~/.cache/kbsync"))
    with open_cache({}) as cache:
        assert cache is None
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_created_before_the_first_use(file: Path) -> None:
    Cache(file).close()
    assert not file.parent.exists()


class TestMemoizing:
    """Functions of texts, with a store and without."""

    def test_without_a_store_everything_is_computed(self) -> None:
        made = iter("ab")
        assert memoized("f", ("x",), lambda: next(made)) == "a"
        assert memoized("f", ("x",), lambda: next(made)) == "b"

    def test_with_a_store_a_result_is_computed_once_for_the_same_arguments(self) -> None:
        made: Iterator[int] = iter(range(9))
        calls: list[tuple[str, tuple[str, ...]]] = [
            ("f", ("x", "y")), ("f", ("xy",)), ("f", ("x", "y")), ("g", ("x", "y")), ("f", ("", "xy")), ("fx", ("y",)),
        ]  # fmt: skip
        with memoizing(CountingStore()):
            assert [memoized(what, parts, lambda: str(next(made))) for what, parts in calls] == list("010234")

    @pytest.mark.parametrize(
        "text",
        [
            "![](https://acme.freshdesk.com/inline/attachment?token=ab.cd.ef)",
            "https://s3.example.com/x.png?X-Amz-Date=1&X-Amz-Signature=00",
            "https://s3.example.com/x.png?a=1&amp;Signature=00",
        ],
    )
    def test_a_result_with_a_secret_address_is_not_stored(self, text: str) -> None:
        store = CountingStore()
        with memoizing(store):
            assert memoized("f", (), lambda: text) == text
        assert store.texts == {}


HTML = (
    '<h2 id="a">One</h2><p>To <a href="/support/solutions/articles/7#x">it</a>, <a href="https://else.example/?a=1&amp;b=2">'
    'there</a> and <a href="#a">up</a>. <img src="pic.png" alt="P"></p><p onclick="x()">Two<script>y()</script></p>'
)


class Portal:
    """Addresses that are resolved by `paths`."""

    options = PLAIN

    def address_of(self, target: str, ids: object) -> str | None:
        raise NotImplementedError

    def path_of(self, address: str, paths: object) -> str | None:
        assert isinstance(paths, dict)
        return paths.get(ItemKey(Kind.ARTICLE, 7)) if address.startswith("/support/solutions/articles/7") else None

    def absolute(self, address: str) -> str:
        return f"https://acme.example/{address}"


def pulled(path: str, paths: dict[ItemKey, str], html: str = HTML) -> object:
    return digests.pulled_body(Article(title="T", body=html), path, Portal(), paths)


def test_a_conversion_is_stored_by_its_rewritten_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    cases: list[tuple[str, dict[ItemKey, str]]] = [
        ("a/b/c.md", {}),
        ("a/b/c.md", {ItemKey(Kind.ARTICLE, 7): "a/b/d.md"}),
        ("a/c.md", {ItemKey(Kind.ARTICLE, 7): "a/b/d.md"}),
        ("a/b/other.md", {ItemKey(Kind.ARTICLE, 7): "a/b/d.md"}),
    ]
    fresh = [pulled(*case) for case in cases]
    assert len({repr(one) for one in fresh}) == 3
    store = CountingStore()
    converted = _counted(monkeypatch, "to_markdown", to_markdown)
    with memoizing(store):
        assert [pulled(*case) for case in cases] == fresh
        assert len(converted) == 3, "the last is written as the second"
        assert [pulled(*case) for case in cases] == fresh
        assert len(converted) == 3
        assert pulled("a/b/c.md", {}, HTML + "<p>More</p>") != fresh[0]


def test_every_address_that_is_rewritten_is_found() -> None:
    seen: dict[str, None] = {}
    html = HTML + '<video poster="p.jpg" src="v.mp4"></video><iframe src="f"></iframe><a href="javascript:x">j</a>'

    def note(address: str) -> str:
        seen[address] = None
        return address

    to_markdown(html, rewrite=note)
    assert addresses_in(html) == tuple(seen)
    assert {"p.jpg", "v.mp4", "f", "https://else.example/?a=1&b=2"} <= seen.keys()


def test_a_body_digest_depends_on_its_text_its_path_and_the_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "# One\n\nSee [it](x.md).\n"
    cases = [("a/b/c.md", ()), ("a/b/d.md", ()), ("a/c.md", ()), ("a/b/c.md", ("one",))]
    articles = [(Article(title="T", body=body, path=path), anchors) for path, anchors in cases]
    fresh = [digests.content_digests(*one) for one in articles]
    rendered = _counted(monkeypatch, "rooted_html", digests.rooted_html)
    with memoizing(CountingStore()):
        assert [digests.content_digests(*one) for one in articles] == fresh
        assert [digests.content_digests(*one) for one in articles] == fresh
    assert len(rendered) == len({one["body"] for one in fresh}) == 3


def test_a_stored_survey_equals_a_computed_one() -> None:
    text = '# One {#first}\n\n[a](b.md) ![c](d.png) <a name="x" href="e" onclick="y()">z</a>\n\n<javascript:f>\n'
    store = CountingStore()

    def surveyed() -> object:
        links._survey.cache_clear()
        return links.references(text), links.anchors_of(text), links.hazards(text)

    fresh = surveyed()
    with memoizing(store):
        assert surveyed() == fresh
        assert store.hits == 0
        assert surveyed() == fresh
        assert store.hits == 1
    links._survey.cache_clear()
    assert json.dumps(list(store.texts.values()))


def _counted(monkeypatch: pytest.MonkeyPatch, name: str, function: Callable[..., object]) -> list[str]:
    """Record every call of one of the costly functions."""
    calls: list[str] = []

    def counted(*words: object, **others: object) -> object:
        calls.append(name)
        return function(*words, **others)

    monkeypatch.setattr(digests, name, counted)
    return calls
