"""Whom this machine trusts and through whom it reaches the network, so that what runs in images does likewise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trailmark.errors import InvalidInput

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Trust:
    """Certificates (a PEM bundle, whole) and the variables that name proxies."""

    certificates: bytes | None = None
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)


def find_trust(environ: Mapping[str, str], extra: Path | None = None) -> Trust:
    """Return what this machine trusts: its own bundle, or the one that SSL_CERT_FILE names, and `extra` ones."""
    named = environ.get("SSL_CERT_FILE")
    bundle = next((path for path in (named, *_BUNDLES) if path and Path(path).is_file()), None)
    parts = [Path(bundle).read_bytes()] if bundle else []
    if extra is not None:
        parts.append(_read(extra))
    proxies = {
        name: environ[name] for upper in _PROXIES for name in (upper, upper.lower()) if environ.get(name)
    }
    return Trust(b"\n".join(parts) or None, proxies)


def _read(path: Path) -> bytes:
    try:
        found = path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"The certificates in {path} cannot be read ({error.strerror}). Nothing was changed; name another file "
            "by “certificates” in the settings, or none."
        ) from error
    if _BEGIN not in found:
        raise InvalidInput(
            f"{path} holds no certificates: each begins with “{_BEGIN.decode()}”. Nothing was changed; name another "
            "file by “certificates” in the settings, or none."
        )
    return found
