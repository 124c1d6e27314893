"""What strangers made, shown where it can reach nothing of ours.

HTML, SVG, JavaScript and notebook output may hold anything. It is served under headers that put it in an
origin of its own, even when its address is opened directly, and it is shown in
``<iframe sandbox="allow-scripts">``: its scripts run, but see no cookie, no storage, no page of ours and no
network. Pictures that cannot hold scripts may be an ``<img>``; SVG may be an ``<img>`` too, where it is inert.
"""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
IMAGES = PICTURES | {"image/svg+xml"}
FRAMED = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml", "application/javascript"})
_PLAIN = frozenset({"application/json", "application/x-ndjson"})
_MIME = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]*")

_CLOSED = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "img-src data: blob:; style-src 'unsafe-inline'; font-src data:; media-src data: blob:"
)
_INERT_POLICY = f"sandbox; {_CLOSED}"
_LIVELY_POLICY = f"sandbox allow-scripts; {_CLOSED}; script-src 'unsafe-inline' 'unsafe-eval' blob: data:"


def isolated_headers(mime: str, *, download: str | None = None) -> dict[str, str]:
    """Return the headers under which bytes of this type may be served from our own origin.

    HTML runs its scripts, in an origin of its own and without a network. Pictures, SVG and text are inert.
    Whatever browsers might interpret otherwise is only offered as a download. `download` is the name that
    a download gets.
    """
    kind = mime.partition(";")[0].strip().lower()
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Security-Policy": _INERT_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if kind in ("text/html", "application/xhtml+xml"):
        headers["Content-Type"] = "text/html; charset=utf-8"
        headers["Content-Security-Policy"] = _LIVELY_POLICY
    elif kind in IMAGES:
        headers["Content-Type"] = kind
    elif kind in _PLAIN or (kind.startswith("text/") and _MIME.fullmatch(kind)):
        headers["Content-Type"] = "text/plain; charset=utf-8"
    elif download is None:
        download = ""
    if download is not None:
        headers["Content-Disposition"] = _disposition(download)
        headers["Content-Type"] = kind if kind in IMAGES else "application/octet-stream"
    return headers


def render_document(mime: str, data: bytes) -> bytes:
    """Return the document that shows HTML, SVG or JavaScript inside a sandboxed frame.

    It tells the page around it how tall it is, and says which addresses it was not allowed to load.
    Serve it under `isolated_headers("text/html")`.
    """
    kind = mime.partition(";")[0].strip().lower()
    text = data.decode("utf-8", "replace")
    if kind == "application/javascript":
        body = f'<div id="output"></div><script>{_script_safe(_ELEMENT + text)}</script>'
    elif kind in FRAMED:
        body = text
    else:
        body = f"<pre>{escape(text)}</pre>"
    return (_HEAD + body).encode()


def _disposition(name: str) -> str:
    """Return a Content-Disposition that offers a download under a name that is safe in a header."""
    if not name:
        return "attachment"
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _script_safe(code: str) -> str:
    """Keep code from ending the script element that it stands in."""
    return re.sub(r"<(/script|!--)", r"<\\\1", code, flags=re.IGNORECASE)


_ELEMENT = "var element = document.getElementById('output');\n"
_HEAD = """<!doctype html>
<html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<style>
:root { color-scheme: light dark; }
html { overflow: auto hidden; }
body { margin: 0; padding: 1px; background: transparent; color: light-dark(#1d231f, #e8e7de);
  font: 14px/1.5 -apple-system, "Segoe UI", Inter, Cantarell, Ubuntu, "Noto Sans", "Liberation Sans",
    sans-serif; }
table { border-collapse: collapse; border: 0; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .3em .9em; border: 0; text-align: right; white-space: nowrap; }
thead th { border-bottom: 1px solid light-dark(#c9c2b0, #3d463f); color: light-dark(#4a524b, #b6bbb0); }
tbody th { color: light-dark(#656c65, #949b91); font-weight: 400; }
tbody tr + tr > * { border-top: 1px solid light-dark(#e0dbcd, #2b322d); }
tbody tr:hover > * { background: light-dark(#efece2, #232924); }
pre { margin: 0; font: 13px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
a { color: light-dark(#1c5b7a, #86c2df); }
img, svg { max-width: 100%; }
#trailmark-blocked { margin: .5em 0 0; padding: .5em .8em; border-radius: 6px; font-size: 13px;
  background: light-dark(#f7eccf, #2c2412); color: light-dark(#7d5200, #e6bd6a); }
</style>
<script>
(function () {
  var blocked = {}, last = 0;
  function tell() {
    var root = document.documentElement, body = document.body;
    var height = body ? Math.max(body.scrollHeight, Math.ceil(body.getBoundingClientRect().bottom)) : 0;
    height += root.scrollWidth > root.clientWidth ? 16 : 0;
    if (height !== last) { last = height; parent.postMessage({ trailmarkHeight: height }, "*"); }
  }
  document.addEventListener("securitypolicyviolation", function (event) {
    var host = /^https?:/.test(event.blockedURI) ? event.blockedURI.split("/")[2] : null;
    if (!host || !document.body) return;
    blocked[host] = true;
    var box = document.getElementById("trailmark-blocked") || document.createElement("p");
    box.id = "trailmark-blocked";
    box.textContent = "This output wanted to load something from " + Object.keys(blocked).join(", ") +
      ". Outputs are shown without a network; what it needs must be inside it.";
    document.body.appendChild(box);
    tell();
  });
  document.addEventListener("DOMContentLoaded", function () {
    tell();
    new ResizeObserver(tell).observe(document.body);
  });
  addEventListener("load", tell);
  addEventListener("message", function (event) {
    if (event.source === parent && event.data && typeof event.data.trailmarkTheme === "string")
      document.documentElement.style.colorScheme = event.data.trailmarkTheme;
  });
})();
</script></head><body>
"""
