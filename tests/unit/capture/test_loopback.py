"""A port of the machine's other loopback address, where browsers look first, is nobody else's."""

import socket

import pytest

from trailmark_capture.loopback import Taken, free_port, held


@pytest.fixture
def other():
    """A socket at the other loopback address."""
    with socket.socket(socket.AF_INET6) as made:
        try:
            made.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no ::1")
        yield made


def test_nobody_else_can_listen_there_and_browsers_are_refused_at_once(other):
    port = free_port()
    with held(port):
        with socket.socket(socket.AF_INET6) as theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                theirs.bind(("::1", port))
            with pytest.raises(OSError, match="in use"):
                theirs.bind(("::", port))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("::1", port), 1)
    with held(port):
        pass


def test_a_port_that_another_has_is_not_held(other):
    port = other.getsockname()[1]
    with pytest.raises(Taken, match="Try again"), held(port):
        pass


def test_a_machine_without_the_other_address_needs_nothing(monkeypatch):
    def refuse(*_):
        raise OSError(97, "Address family not supported")

    monkeypatch.setattr("trailmark_capture.loopback.socket.socket", refuse)
    with held(4321):
        pass
