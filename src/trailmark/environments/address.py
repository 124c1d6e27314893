"""Addresses that packages come from: they are written into a project, so none may hold a secret (pure)."""

from urllib.parse import SplitResult, urlsplit

from trailmark.errors import InvalidInput


def split_address(text: str) -> SplitResult | None:
    """Return the parts of an address or a path; None for what can be neither."""
    try:
        return urlsplit(text) if text.isprintable() else None
    except ValueError:
        return None


def require_no_secret(address: str, what: str) -> None:
    """Raise InvalidInput when an address holds a password or a token; a user's name alone is none to ssh."""
    parts = split_address(address)
    if parts is None or "@" not in parts.netloc:
        return
    user = parts.netloc.rpartition("@")[0]
    if parts.scheme.endswith("ssh") and ":" not in user:
        return
    raise InvalidInput(
        f"The address of {what} holds a password or a token, and it would be written into the project, where all "
        "who get it could read it. Name the address without it, and keep the password where your system does "
        "(such as ~/.netrc). Nothing was changed."
    )
