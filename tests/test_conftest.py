"""What conftest.py promises every test."""

import socket

import pytest


def test_sockets_are_closed_to_everything_but_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as line, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        line.connect(("192.0.2.1", 443))
    with pytest.raises(RuntimeError, match="acme"):
        socket.getaddrinfo("acme.freshdesk.com", 443)
    assert socket.getaddrinfo("127.0.0.1", 80)
