"""Starting the command line loads little."""

import subprocess
import sys

# What `kbsync --version` must not load.
HEAVY = frozenset(
    "asyncio frontmatter git httpx jinja2 markdown_it markupsafe mdit_py_plugins nh3 pathspec platformdirs pygments "
    "rich sqlite3 starlette turbohtml uvicorn yaml".split()
)


def test_starting_up_loads_no_heavy_library() -> None:
    script = "import kbsync.cli, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert sorted(HEAVY & set(loaded)) == []
