"""The addresses of a project's pages: the one place that spells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

Query = Mapping[str, str | int | None]


@dataclass(frozen=True)
class Links:
    """Addresses below a project's own; `base` is that address without a slash at its end."""

    base: str

    @classmethod
    def of(cls, owner: str, name: str) -> Links:
        """Return the addresses of the project `owner/name`."""
        return cls(f"/p/{quote(owner, safe='')}/{quote(name, safe='')}")

    @property
    def overview(self) -> str:
        """The project's first page."""
        return f"{self.base}/"

    @property
    def launch(self) -> str:
        """Where a session is asked for (POST)."""
        return f"{self.base}/launch"

    @property
    def environment(self) -> str:
        """What the project runs on."""
        return f"{self.base}/environment"

    @property
    def branches(self) -> str:
        """The lines of work."""
        return f"{self.base}/branches"

    @property
    def settings(self) -> str:
        """What can be chosen about the project."""
        return f"{self.base}/settings"

    def activity(self, query: Query | None = None, **more: str | int | None) -> str:
        """The feed, with the filters given; a filter that is None or empty is left out."""
        return _with(f"{self.base}/activity", {**(query or {}), **more})

    def record(self, record: str) -> str:
        """One record in full."""
        return f"{self.base}/activity/{quote(record, safe='')}"

    def note(self, record: str) -> str:
        """Where a note about a record is written (POST)."""
        return f"{self.record(record)}/note"

    def rollback(self, record: str) -> str:
        """Where going back to a record is asked for (POST)."""
        return f"{self.record(record)}/rollback"

    def branch_from(self, record: str) -> str:
        """Where a branch is begun at a record (POST)."""
        return f"{self.record(record)}/branch"

    def output(self, record: str, number: int, *, download: bool = False) -> str:
        """The bytes of an output, under the headers of `isolate.isolated_headers`."""
        return _with(f"{self.record(record)}/outputs/{number}", {"download": 1 if download else None})

    def output_frame(self, record: str, number: int) -> str:
        """An output in a document of its own, to be shown in a sandboxed frame."""
        return f"{self.record(record)}/outputs/{number}/frame"

    def outputs_archive(self, record: str) -> str:
        """All outputs of a record as one download."""
        return f"{self.record(record)}/outputs.zip"

    def files(self, path: str = "", *, at: str | None = None) -> str:
        """A folder or a file's preview, now or at a commit or record."""
        return _with(f"{self.base}/files/{quote(path)}", {"at": at})

    def raw(self, path: str, *, at: str | None = None, download: bool = False) -> str:
        """A file's bytes, under the headers of `isolate.isolated_headers`."""
        return _with(f"{self.base}/raw/{quote(path)}", {"at": at, "download": 1 if download else None})

    def frame(self, path: str, *, at: str | None = None, output: int | None = None) -> str:
        """A file (or the numbered output of a notebook) in a document for a sandboxed frame."""
        return _with(f"{self.base}/frame/{quote(path)}", {"at": at, "output": output})


def _with(address: str, query: Query) -> str:
    chosen = {key: value for key, value in query.items() if value not in (None, "")}
    return f"{address}?{urlencode(chosen)}" if chosen else address
