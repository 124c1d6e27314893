"""Addresses that a repository can be fetched from: which ones are let through, and where they lead."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from trailmark.errors import InvalidInput

Resolve = Callable[[str, int], list[str]]
"""From a host and a port to the numeric addresses it stands for; empty when it is not known here."""

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_SHORT = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][\w.+-]*)@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^:]+)"
)
_USUAL_PORTS = {"https": 443, "http": 80, "ssh": 22}


class PrivateAddress(InvalidInput):
    """A web address leads into a private network; a person may allow it for a host that they know."""


@dataclass(frozen=True)
class Address:
    """Where a repository can be fetched from. `url` is what git is given."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """What the repository is called there."""
        path = self.url.rstrip("/").replace(":", "/").rpartition("/")[2]
        return path.removesuffix(".git")


def looks_like_address(text: str) -> bool:
    """Return whether a text is written as an address rather than as a path of this machine."""
    return "://" in text or _SHORT.fullmatch(text) is not None


def parse_address(text: str) -> Address:
    """Read an https, http or ssh address, or `user@host:path`. Raises InvalidInput that says what is wrong."""
    text = text.strip()
    if any(character.isspace() or not character.isprintable() for character in text):
        raise InvalidInput("The address holds spaces or characters that cannot be shown.")
    short = _SHORT.fullmatch(text)
    if short is not None and "://" not in text:
        if short["path"].startswith("-"):
            raise InvalidInput(f"“{text}” is no address of a repository.")
        return Address(text, "ssh", short["host"].lower(), _USUAL_PORTS["ssh"])
    return _parse_url(text)


def check_public(address: Address, resolve: Resolve) -> list[str]:
    """Return the numbers that a web address stands for. Raises PrivateAddress when one is not on the internet.

    Empty when the host's name is not known here, as behind a company's proxy.
    """
    numbers = resolve(address.host.strip("[]"), address.port)
    private = [number for number in numbers if not _is_public(number)]
    if private or address.host in ("localhost", "localhost."):
        raise PrivateAddress(
            f"{address.host} is on a private network or on this machine ({', '.join(private) or 'itself'}). "
            "If you know that host, allow it (--private) and try again. Nothing was fetched."
        )
    return numbers


def resolve(host: str, port: int) -> list[str]:
    """Ask the system which numbers a host stands for."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return sorted({str(each[4][0]).partition("%")[0] for each in found})


def _parse_url(text: str) -> Address:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"“{text}” is no address of a repository ({error}).") from error
    if parts.scheme not in _USUAL_PORTS:
        raise InvalidInput(
            f"Trailmark fetches from https and ssh addresses, and takes in folders and exported files; "
            f"“{parts.scheme}” is none of them."
        )
    if parts.password is not None:
        raise InvalidInput(
            "The address holds a password, which would end up in logs. Leave it out: git's own credential "
            "helper, or an ssh key, is asked when it is needed."
        )
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    user = parts.username or ""
    if not _HOST.fullmatch(shown) or user.startswith("-") or len(parts.path.strip("/")) == 0:
        raise InvalidInput(f"“{text}” is no address of a repository.")
    return Address(text, parts.scheme, shown, port or _USUAL_PORTS[parts.scheme])


def _is_public(number: str) -> bool:
    address = ipaddress.ip_address(number)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global
