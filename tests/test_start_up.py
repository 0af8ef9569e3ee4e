"""Starting the command line loads little."""

import subprocess
import sys

import pytest

# What `kbsync --version` and `kbsync --help` must not load.
HEAVY = frozenset(
    "asyncio frontmatter git httpx jinja2 markdown_it markupsafe mdit_py_plugins nh3 pathspec platformdirs pygments "
    "rich sqlite3 starlette turbohtml uvicorn yaml".split()
)


@pytest.mark.parametrize("words", [["--version"], ["--help"]])
def test_starting_up_loads_no_heavy_library_and_no_command(words: list[str]) -> None:
    script = (
        f"from kbsync.cli.main import app; app({words}, standalone_mode=False)\n"
        "import sys; print('loaded:', *sorted(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = out.rpartition("loaded:")[2].split()
    assert sorted(HEAVY & {name.partition(".")[0] for name in loaded}) == []
    own = {name for name in loaded if name.startswith("kbsync.cli.")}
    assert own == {f"kbsync.cli.{name}" for name in ("console", "main", "options")}
