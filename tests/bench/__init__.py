"""Benchmarks: scripts that print figures and judge nothing. Run one with `python -m tests.bench.NAME`."""
