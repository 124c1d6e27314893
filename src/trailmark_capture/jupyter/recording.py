"""Writes entries into the journal, holds them while the disk refuses, and sees to it that a recorder runs."""

import itertools
import logging
import os
import subprocess
import threading
import time
from collections import deque
from typing import Any

from trailmark_capture import journal
from trailmark_capture.config import Config
from trailmark_capture.redact import Redactor

_START_EVERY = 2.0
_RETRY_EVERY = 1.0
_AT_ONCE = 16
_BYTES_AT_ONCE = 4 * 1024 * 1024
_MOST_HELD = 256 * 1024 * 1024
_LOST_WORDS = (
    "[… the outputs are not kept: the disk was full, and so was the memory for what waited for it …]"
)
_NOT_KEPT = {
    "outputs": [{"mime": "text/plain", "name": "stderr", "group": 0, "text": _LOST_WORDS}],
    "notebook_outputs": None,
}
_log = logging.getLogger(__name__)


class Recording:
    """The journal as capture sees it: `append` never raises and never loses an entry while the process lives.

    All entries pass through one thread at a time; `append` returns when the entry is on disk or held. `hold` and
    then `flush` write several entries for the price of one.
    """

    def __init__(self, config: Config, redactor: Redactor) -> None:
        self._writer = journal.Writer(config.journal, f"{config.tool}-{config.session}-{os.getpid()}")
        self._redactor = redactor
        self._nudge = config.nudge
        self._recorder = list(config.recorder)
        self._child: subprocess.Popen[bytes] | None = None
        self._started = float("-inf")
        self._held: deque[dict[str, Any]] = deque()
        self._is_fresh = False
        self._retry = 0.0
        self._lock = threading.Lock()
        self.problem: str | None = None

    def append(self, entry: dict[str, Any]) -> None:
        """Write an entry durably, behind those that are still held."""
        self.hold(entry)
        self.flush()

    def hold(self, entry: dict[str, Any]) -> None:
        """Take an entry, without the values of secrets, to be written by the next `flush`."""
        with self._lock:
            self._held.append(self._redactor.entry(entry))
            self._is_fresh = True

    def flush(self) -> None:
        """Write what was taken since the last time, behind what the disk refused then."""
        with self._lock:
            if self._is_fresh:
                self._is_fresh = False
                self._drain()
                self._bound()

    def tick(self, now: float) -> None:
        """Try again to write what is held."""
        if self.problem is not None and not self._retry - _RETRY_EVERY <= now < self._retry:
            with self._lock:
                self._drain()

    def close(self) -> None:
        """Write what can be written and give the journal's segment up."""
        with self._lock:
            self._drain()
            self._writer.close()

    def _bound(self) -> None:
        """Give up the outputs of the entries that were held first when there is no room for more."""
        room = _MOST_HELD
        for position in range(len(self._held) - 1, -1, -1):
            room -= _weight(self._held[position])
            if room < 0:
                self._held[position] = {**self._held[position], **_NOT_KEPT}

    def _drain(self) -> None:
        while self._held:
            several = self._first_few()
            try:
                self._writer.append_all(several)
            except OSError as error:
                self.problem = error.strerror or str(error)
                self._retry = time.time() + _RETRY_EVERY
                _log.error("The journal cannot be written (%s); %d entries are held", error, len(self._held))
                return
            for _ in several:
                self._held.popleft()
        self.problem = None
        self._wake_recorder()

    def _first_few(self) -> list[dict[str, Any]]:
        weights = itertools.accumulate(map(_weight, self._held))
        count = sum(1 for weight in itertools.islice(weights, _AT_ONCE) if weight < _BYTES_AT_ONCE)
        return list(itertools.islice(self._held, max(1, count)))

    def _wake_recorder(self) -> None:
        if self._nudge is None or journal.nudge(self._nudge) or not self._recorder:
            return
        now = time.monotonic()
        if now - self._started < _START_EVERY:
            return
        self._started = now
        if self._child is not None:
            self._child.poll()
        try:
            self._child = subprocess.Popen(
                self._recorder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            _log.error("The recorder cannot be started: %s", error)


def _weight(entry: dict[str, Any]) -> int:
    """Return about how many bytes an entry takes up: its outputs are held twice."""
    outputs = entry.get("outputs") or ()
    return 1000 + 2 * sum(len(output.get("text") or output.get("base64") or "") for output in outputs)
