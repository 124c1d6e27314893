"""Watches what kernels publish, in a thread of its own with a subscription of its own per kernel."""

import logging
import math
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import zmq

from trailmark_capture.jupyter.follower import Follower
from trailmark_capture.jupyter.messages import parse

_RECONNECT = 10
_GATHER = 0.01
_LAST_WORDS = 0.1
_AT_ONCE = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """Where a kernel publishes, the key it signs with, and its process where that is one of this machine."""

    url: str
    key: bytes
    pid: int | None = None


@dataclass
class Watch:
    """One kernel under observation. `live` is set once the subscription has brought a message."""

    address: Address
    follower: Follower
    live: threading.Event = field(default_factory=threading.Event)
    pidfd: int | None = None
    died: float | None = None
    is_buried: bool = False


class Observer:
    """The observing thread. Its methods may be called from any other thread; each returns at once.

    `each_turn` is called by the thread between messages, at least every `pause` seconds.
    """

    def __init__(self, each_turn: Callable[[float], None] | None = None, pause: float = 0.2) -> None:
        self._context = zmq.Context()
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._each_turn = each_turn
        self._pause = pause
        self._watched: dict[zmq.Socket[bytes], Watch] = {}
        self._poller = zmq.Poller()
        self._lock = threading.Lock()
        self._bell = self._context.socket(zmq.PAIR)
        self._ear = self._context.socket(zmq.PAIR)
        self._ear.bind("inproc://orders")
        self._bell.connect("inproc://orders")
        self._poller.register(self._ear, zmq.POLLIN)
        self._open = True
        self._is_closed = False
        self._is_behind = False
        self._thread = threading.Thread(target=self._run, name="trailmark-observer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def attach(self, watch: Watch) -> "Future[None]":
        """Subscribe to a kernel."""
        return self._order(lambda: self._subscribe(watch))

    def stopped(self, watch: Watch) -> "Future[None]":
        """Note that the kernel's process is gone for good."""
        return self._order(lambda: self._stopped(watch, None, math.inf))

    def replaced(self, watch: Watch, address: Address, since: float) -> "Future[None]":
        """Note that the kernel's process is gone, and that another publishes at an address, begun since then."""
        return self._order(lambda: self._stopped(watch, address, since))

    def tell(self, watch: Watch, news: Callable[[Follower], None]) -> "Future[None]":
        """Have a kernel's follower take something in that the kernel itself does not say."""
        return self._order(lambda: news(watch.follower))

    def close(self, timeout: float = 5.0) -> None:
        """End what is open and stop the thread; whatever is asked after that is done at once, by doing nothing."""
        if self._thread.is_alive():
            self._order(self._finish, last=True)
            self._thread.join(timeout)

    def _order(self, action: Callable[[], None], *, last: bool = False) -> "Future[None]":
        done: Future[None] = Future()

        def act() -> None:
            try:
                action()
            except Exception as error:
                done.set_exception(error)
                _log.exception("The observer could not follow an order")
            else:
                done.set_result(None)

        with self._lock:
            if self._is_closed:
                done.set_result(None)
                return done
            self._is_closed = last
            self._orders.put(act)
            self._bell.send(b"")
        return done

    # In the thread

    def _run(self) -> None:
        while self._open:
            try:
                self._turn()
            except Exception:
                _log.exception("The observer goes on after an error")
                time.sleep(self._pause)
        self._context.destroy(linger=0)

    def _turn(self) -> None:
        ready = self._poller.poll(self._timeout())
        if not self._is_behind and any(socket is not self._ear for socket, _ in ready):
            # A quick cell is over within a few milliseconds: until then nothing of ours stands in its way.
            time.sleep(_GATHER)
        self._is_behind = False
        # Orders come last: they may close what stands before them in the list.
        for socket, _ in sorted(ready, key=lambda event: event[0] is self._ear):
            if socket is self._ear:
                socket.recv()
                self._orders.get()()
            elif socket in self._watched:
                self._is_behind |= self._receive(socket, _AT_ONCE)
            else:
                self._died(socket)
        now = time.time()
        for watch in self._watched.values():
            if watch.died is not None and now >= watch.died + _LAST_WORDS:
                self._bury(watch)
            watch.follower.tick(now)
        if self._each_turn is not None:
            self._each_turn(now)

    def _died(self, pidfd: object) -> None:
        for watch in self._watched.values():
            if watch.pidfd == pidfd:
                self._await_no_death(watch)
                watch.died = time.time()

    def _timeout(self) -> int:
        due = [at for watch in self._watched.values() if (at := watch.follower.due()) is not None]
        due += [watch.died + _LAST_WORDS for watch in self._watched.values() if watch.died is not None]
        wait = min([self._pause, *(at - time.time() for at in due)])
        return max(0, int(wait * 1000) + 1)

    def _receive(self, socket: "zmq.Socket[bytes]", most: int) -> bool:
        """Handle the messages that have come; True when there may be more."""
        watch = self._watched[socket]
        for _ in range(most):
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return False
            message = parse(frames, watch.address.key, time.time())
            if message is None:
                continue
            watch.live.set()
            try:
                watch.follower.handle(message)
            except Exception:
                _log.exception("A message of a kernel could not be recorded")
        return True

    def _subscribe(self, watch: Watch) -> None:
        socket = self._context.socket(zmq.SUB)
        socket.set(zmq.RCVHWM, 0)
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.RECONNECT_IVL, _RECONNECT)
        socket.subscribe(b"")
        socket.connect(watch.address.url)
        self._watched[socket] = watch
        self._poller.register(socket, zmq.POLLIN)
        self._await_death(watch)

    def _stopped(self, watch: Watch, address: Address | None, since: float) -> None:
        socket = next((socket for socket, known in self._watched.items() if known is watch), None)
        if socket is None:
            return
        while self._receive(socket, _AT_ONCE):
            pass
        self._await_no_death(watch)
        self._bury(watch)
        if not watch.is_buried or address is None:
            watch.follower.stop(time.time(), before=since)
        watch.is_buried = False
        watch.live.clear()
        if address is not None and address.url == watch.address.url:
            watch.address = address
            self._await_death(watch)
            return
        self._poller.unregister(socket)
        socket.close()
        del self._watched[socket]
        if address is not None:
            watch.address = address
            self._subscribe(watch)

    def _await_death(self, watch: Watch) -> None:
        """Have the system tell of the end of the kernel's process, where it can."""
        if watch.address.pid is None or not hasattr(os, "pidfd_open"):
            return
        try:
            watch.pidfd = os.pidfd_open(watch.address.pid)
        except OSError:
            return
        self._poller.register(watch.pidfd, zmq.POLLIN)

    def _await_no_death(self, watch: Watch) -> None:
        if watch.pidfd is not None:
            self._poller.unregister(watch.pidfd)
            os.close(watch.pidfd)
            watch.pidfd = None

    def _bury(self, watch: Watch) -> None:
        """End what a process that has died was doing when it did."""
        if watch.died is not None:
            watch.follower.stop(watch.died, before=watch.died)
            watch.died, watch.is_buried = None, True

    def _finish(self) -> None:
        for watch in list(self._watched.values()):
            self._stopped(watch, None, math.inf)
        self._open = False
