"""Starts one session's program, waits for its end, and writes both down. Runs as a script, beside no client.

    python -I keeper.py FOLDER LOCK_FD < ORDER

ORDER is JSON: argv, env, cwd, memory_bytes, cpus. LOCK_FD is an open, locked file; the lock is the sign that
this keeper lives, and the file's time (renewed twice a minute) says until when it did. It loads next to nothing,
for there is one for each session.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trailmark.durable import write_file

STARTED = "process.json"
ENDED = "ended.json"
_SIGN_OF_LIFE_SECONDS = 30.0


def main(folder: Path, lock: int) -> None:
    """Run the order on standard input to its end."""
    os.set_inheritable(lock, False)
    order = json.load(sys.stdin)
    _outlive_signals()
    began = time.time()
    try:
        process = subprocess.Popen(
            order["argv"],
            env=order["env"],
            cwd=order["cwd"],
            stdin=subprocess.DEVNULL,
            preexec_fn=_limiter(order),
        )
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        _write(folder / ENDED, {"ended": began, "code": None, "reason": f"{order['argv'][0]}: {error}"})
        return
    _write(folder / STARTED, {"keeper": os.getpid(), "pid": process.pid, "started": began})
    signal.signal(signal.SIGALRM, lambda *_: os.utime(lock))
    signal.setitimer(signal.ITIMER_REAL, _SIGN_OF_LIFE_SECONDS, _SIGN_OF_LIFE_SECONDS)
    _, status, usage = os.wait4(process.pid, 0)
    _write(
        folder / ENDED,
        {
            "ended": time.time(),
            "code": os.waitstatus_to_exitcode(status),
            "reason": None,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "max_rss_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        },
    )


def _outlive_signals() -> None:
    """Stay until the program has ended. A handler, unlike SIG_IGN, is not passed on to the program."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)


def _limiter(order: Mapping[str, Any]) -> Callable[[], None]:
    def limit() -> None:
        if order["memory_bytes"]:
            resource.setrlimit(resource.RLIMIT_DATA, (order["memory_bytes"], order["memory_bytes"]))
        if order["cpus"] and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: order["cpus"]])

    return limit


def _write(path: Path, facts: Mapping[str, object]) -> None:
    write_file(path, json.dumps(facts).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
