"""The command line: the only package that prints, asks or exits. Its entry point is `kbsync.cli.main:main`."""
