"""A package index on this machine that says when each file was published, for tests that choose by the day."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from packaging.utils import canonicalize_name


class DatedFiles:
    """Wheels in a folder, and the day on which each was published (none: the index does not say)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._days: dict[str, str | None] = {}

    def publish(self, wheel: Path, day: str | None) -> None:
        """Put a wheel of the folder into the index, as of a day like “2016-05-01”."""
        self._days[wheel.name] = day

    def page(self, name: str) -> bytes | None:
        """Return the index's page for a package, None when it has none of that name."""
        found = [one for one in sorted(self._days) if canonicalize_name(one.partition("-")[0]) == name]
        files = [self._file(one) for one in found]
        answer = {"meta": {"api-version": "1.1"}, "name": name, "files": files, "versions": []}
        return json.dumps(answer).encode() if found else None

    def _file(self, name: str) -> dict[str, object]:
        data = (self.folder / name).read_bytes()
        facts: dict[str, object] = {
            "filename": name,
            "url": f"/files/{name}",
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            "size": len(data),
        }
        day = self._days[name]
        return facts | ({"upload-time": f"{day}T12:00:00.000000Z"} if day else {})


@contextlib.contextmanager
def serve_index(files: DatedFiles) -> Iterator[str]:
    """Serve an index on the loopback address, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(self._answer())

        def do_HEAD(self) -> None:
            self._answer()

        def _answer(self) -> bytes:
            parts = self.path.strip("/").split("/")
            data = None
            if parts[0] == "simple" and len(parts) == 2:
                data = files.page(parts[1])
            elif parts[0] == "files" and (files.folder / parts[-1]).is_file():
                data = (files.folder / parts[-1]).read_bytes()
            kind = "application/vnd.pypi.simple.v1+json" if parts[0] == "simple" else "application/zip"
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            return data or b""

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()


def only_index(address: str, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which uv knows only that index; its settings and cache lie in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "uv.toml"
    settings.write_text(f'[[index]]\nurl = "{address}"\ndefault = true\n', encoding="utf-8")
    kept = {name: value for name, value in environ.items() if not name.startswith("UV_")}
    return {**kept, "UV_CONFIG_FILE": str(settings), "UV_CACHE_DIR": str(folder / "cache")}
