"""`python -m kbsync`, for where the command itself is not on the path."""

from kbsync.cli.main import main

if __name__ == "__main__":
    main()
