"""How many modules one has to have open to follow a publish of one changed article, and a pull of one web edit.

The command runs as a process of its own, which notes each module of kbsync whose functions are called. Baseline: the
layout before the modules were merged (commit b85ec7d), by the same count. Run it with `python -m tests.bench.reading`.
"""

import subprocess
import tempfile
from pathlib import Path

from click import echo

from kbsync.sandbox.server import serve
from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import FILES, FIRST
from tests.cli_runner import command, environment, new_checkout

BEFORE = {"publish --yes": 128, "pull": 136}
_TRACER = """
import atexit, sys, threading
called = set()
def note(frame, event, argument):
    if event == "call" and frame.f_code.co_flags & 1:  # a function, not a module or class that is being defined
        called.add(frame.f_globals.get("__name__", ""))
def report():
    modules = {name for name in called if name.startswith("kbsync.") and not name.startswith("kbsync.sandbox")}
    print("modules:", len(modules), file=sys.stderr)
atexit.register(report)
threading.setprofile(note)
from kbsync.cli.main import main
sys.argv = ["kbsync", *sys.argv[1:]]
sys.setprofile(note)
main()
"""


def main() -> None:
    """Publish one change, then pull one edit."""
    with tempfile.TemporaryDirectory() as name, serve(SandboxSettings()) as portal:
        settings = {"kbsync.toml": f'[targets.production]\nurl = "{portal.url}"\n'}
        environ = {"FRESHDESK_API_KEY": portal.key, "KBSYNC_NO_CACHE": "1"}
        checkout = new_checkout(Path(name) / "help", {**settings, **FILES}, environ)
        assert checkout.kbsync("publish", "--yes").code == 0
        checkout.write(FIRST, FILES[FIRST].replace("Plug it in.", "Plug it in now."))
        checkout.commit()
        for words, before in BEFORE.items():
            traced = [command()[0], "-c", _TRACER, *words.split()]
            done = subprocess.run(
                traced, cwd=checkout.root, env=environment(checkout.environ), capture_output=True, text=True, check=True
            )
            count = int(done.stderr.rpartition("modules: ")[2])
            echo(f"{words:14} {count:4} modules   {count / before:5.2f} of {before}")
            (article,) = (found for found in portal.store.all_articles() if found.title == "First steps")
            portal.store.edit_article(article.id, body="<p>Plug it out.</p>")


if __name__ == "__main__":
    main()
