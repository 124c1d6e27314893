"""What a base has fetched by its address, such as RStudio Server's package, as layers of an image (pure)."""

from __future__ import annotations

import shlex

from trailmark.engines.recipe import Layer
from trailmark.environments.bases.model import Download

_CACHE = "/var/cache/trailmark-downloads"
_GET = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o APT::Sandbox::User=root"


def download_layer(number: int, download: Download) -> Layer:
    """Return the layer that fetches one file, compares its hash, and installs it as its kind wants it.

    A deb brings what it depends on; a tar is unpacked into /opt/NAME; any other file becomes the program NAME.
    apt's own helper fetches it, for every system that has debs has that.
    """
    kept = f"{_CACHE}/{download.sha256}.{download.kind}"
    fetch = f"/usr/lib/apt/apt-helper {_certificates()} download-file {shlex.quote(download.url)} {kept}.new"
    return Layer(
        f"download-{number}",
        (
            f"{_GET} update",
            f"{_GET} install ca-certificates",
            f"[ -f {kept} ] || {{ {fetch} && mv {kept}.new {kept}; }}",
            f"echo {shlex.quote(f'{download.sha256}  {kept}')} | sha256sum --quiet -c || {{ rm -f {kept}; exit 1; }}",
            *_installed(download, kept),
            "rm -rf /var/lib/apt/lists/*",
        ),
        caches=(_CACHE,),
    )


def _installed(download: Download, kept: str) -> tuple[str, ...]:
    name = shlex.quote(download.name)
    match download.kind:
        case "deb":
            return (f"{_GET} install {kept}",)
        case "tar":
            return (f"mkdir -p /opt/{name}", f"tar -xf {kept} -C /opt/{name} --strip-components=1")
        case _:
            return (f"install -m 755 {kept} /usr/local/bin/{name}",)


def _certificates() -> str:
    """Have the certificates that a build was given trusted: apt does not look at the variable that names them."""
    return '${SSL_CERT_FILE:+-o Acquire::https::CAInfo="$SSL_CERT_FILE"}'
