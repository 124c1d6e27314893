"""The ports of this machine's loopback: 127.0.0.1, where our servers listen, and ::1, where browsers look first.

A browser that is led to a name below `localhost` tries ::1 before 127.0.0.1. Whoever listened there, be it another
person of this machine, would be handed the session's key.
"""

import contextlib
import errno
import socket
from collections.abc import Iterator

ADDRESS = "127.0.0.1"
OTHER = "::1"
_ATTEMPTS = 100


class Taken(OSError):
    """Another program has the port already."""


@contextlib.contextmanager
def held(port: int) -> Iterator[None]:
    """Keep a port of ::1, where there is such an address, without listening: nobody else can, and browsers go on.

    Raises Taken.
    """
    with contextlib.ExitStack() as stack:
        try:
            other = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            other.bind((OTHER, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                said = "Another program of this machine has the port {} of {}. Try again.".format(port, OTHER)
                raise Taken(error.errno, said) from None
        yield


def has_other() -> bool:
    """Return whether this machine has the address ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind((OTHER, 0))
    except OSError:
        return False
    return True


def is_taken(port: int) -> bool:
    """Return whether somebody listens at a port of either address."""
    try:
        with socket.socket() as probe, held(port):
            # Connections of ours that have ended do not keep it.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((ADDRESS, port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def free_port() -> int:
    """Return a port that nobody has at either address. Raises Taken when there is none."""
    for _ in range(_ATTEMPTS):
        with socket.socket() as probe, contextlib.suppress(Taken):
            probe.bind((ADDRESS, 0))
            port = int(probe.getsockname()[1])
            with held(port):
                return port
    raise Taken(errno.EADDRINUSE, "No port of this machine is free.")
