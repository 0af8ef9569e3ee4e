"""`python -m kbsync`, for where the command itself is not on the path."""

import os
import sys

# `-m` puts the current directory first, which is the content tree as a rule: a `click.py` in it would be imported.
if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - pathlib is not yet safe
    del sys.path[0]

from kbsync.cli.main import main

if __name__ == "__main__":
    main()
