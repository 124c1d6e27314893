import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trailmark_capture import journal
from trailmark_capture.config import Config
from trailmark_capture.jupyter import recording as recording_module
from trailmark_capture.jupyter.recording import Recording
from trailmark_capture.redact import Redactor


def config(folder: Path, **facts: object) -> Config:
    return Config(folder, folder / "journal", folder / "files", folder / "shell", session="s", **facts)  # type: ignore[arg-type]


def entries(folder: Path) -> list[str]:
    return [
        entry["id"] for segment in journal.segments(folder / "journal") for entry, _ in journal.read(segment)
    ]


@pytest.fixture
def full_disk() -> Iterator[Callable[[int | None], None]]:
    """Lets files grow no further than some bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(
        resource.RLIMIT_FSIZE, before if size is None else (size, before[1])
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_entries_that_the_disk_refuses_are_held_and_written_later(
    tmp_path: Path, full_disk: Callable[[int | None], None]
) -> None:
    recording = Recording(config(tmp_path), Redactor())
    recording.append({"id": "first"})
    full_disk(300)
    recording.append({"id": "second", "code": "x" * 1000})
    recording.append({"id": "third"})
    assert recording.problem == "File too large"
    assert entries(tmp_path) == ["first"]
    recording.tick(time.time())
    assert entries(tmp_path) == ["first"]
    full_disk(None)
    recording.tick(time.time() + 2)
    assert recording.problem is None
    assert entries(tmp_path) == ["first", "second", "third"]
    recording.close()


def test_what_is_held_does_not_fill_the_memory(
    tmp_path: Path, full_disk: Callable[[int | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_module, "_MOST_HELD", 100_000)
    recording = Recording(config(tmp_path), Redactor())
    full_disk(300)
    for number in range(20):
        output = {"mime": "text/plain", "name": "stdout", "group": 0, "text": "x" * 10_000}
        recording.append({"id": str(number), "outputs": [output]})
    full_disk(None)
    recording.close()
    (segment,) = journal.segments(tmp_path / "journal")
    found = [entry for entry, _ in journal.read(segment)]
    assert [entry["id"] for entry in found] == [str(number) for number in range(20)]
    assert "not kept" in found[0]["outputs"][0]["text"]
    assert found[-1]["outputs"][0]["text"] == "x" * 10_000


def test_secrets_are_taken_out(tmp_path: Path) -> None:
    recording = Recording(config(tmp_path), Redactor({"KEY": "s3cr3t-42"}))
    recording.append({"id": "a", "code": "print('s3cr3t-42')"})
    (segment,) = journal.segments(tmp_path / "journal")
    assert b"s3cr3t" not in segment.read_bytes()
    recording.close()


def test_a_recorder_is_started_when_none_listens(tmp_path: Path) -> None:
    program = f"open({str(tmp_path / 'started')!r}, 'a').write('.')"
    recorder = (sys.executable, "-c", program)
    recording = Recording(config(tmp_path, nudge=tmp_path / "nobody.sock", recorder=recorder), Redactor())
    for number in range(5):
        recording.append({"id": str(number)})
    deadline = time.monotonic() + 10
    while not (tmp_path / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (tmp_path / "started").read_text() == "."
    recording.close()
