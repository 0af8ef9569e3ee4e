"""Tests: real repositories, a real server on loopback, sockets closed to everything else."""
