"""Follows the messages of one kernel: messages grouped into actions, actions into journal entries (pure).

A cell is *begun* at `execute_input` and *ended* at `status: idle`. What is shown after that, by a thread, a
later display update or a widget's callback, becomes an entry of its own that `continues` the cell it belongs
to.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from trailmark_capture import journal
from trailmark_capture.jupyter.actions import Accesses, Action, Entry, Late, Origin, note
from trailmark_capture.jupyter.messages import Message
from trailmark_capture.jupyter.outputs import Outputs, display_id_of
from trailmark_capture.jupyter.requests import Request, Requests
from trailmark_capture.jupyter.surroundings import Surroundings

QUIET = 0.3
LONGEST = 5.0
LOOK = 2.0
# By then the kernel's word that a cell begins has come: what was touched before and by no cell is nobody's.
_HEARD = 0.5
# What waits in the server's queue when a process dies reaches the next one as soon as that one listens.
_NEXT_PROCESS = 15.0
_KEPT = 20_000
# A time that is so much earlier than the one before tells that the clock was set back.
_SET_BACK = 30.0
_MISSED = "[… the kernel showed more than could be received: some of it may be missing here …]\n"
_SHOWN = frozenset({"stream", "display_data", "execute_result", "error"})
_CALLBACKS = frozenset({"comm_msg", "comm_open", "comm_close"})


@dataclass(frozen=True)
class _Unspoken:
    """A request that a process never spoke of, and what became of it unless the next process runs it."""

    request: Request
    status: str
    at: float


class Follower:
    """Turns one kernel's messages into entries, which it hands to `emit` in order."""

    def __init__(
        self,
        surroundings: Surroundings,
        requests: Requests,
        emit: Callable[[Entry], None],
        *,
        max_output_bytes: int = 50 * 1024 * 1024,
        unanswered: Callable[[float], list[Request]] = lambda before: [],
    ) -> None:
        self._unanswered = unanswered
        self._around = surroundings
        self._requests = requests
        self._emit = emit
        self._limit = max_output_bytes
        self._busy: dict[str, float] = {}
        self._running: dict[str, Action] = {}
        self._ended: OrderedDict[str, Origin] = OrderedDict()
        self._displays: OrderedDict[str, Origin] = OrderedDict()
        self._comms: OrderedDict[str, Origin] = OrderedDict()
        self._late: dict[str, Late] = {}
        self._unspoken: dict[str, _Unspoken] = {}
        self._last_end = 0.0
        self._last: Origin | None = None
        self._looked = 0.0

    # What arrives

    def handle(self, message: Message) -> None:
        """Take one message of the kernel."""
        if message.kind == "status":
            self._status(message)
        elif message.kind == "execute_input":
            self._begin(message, message.content.get("code", ""), message.content.get("execution_count"))
        elif message.kind == "update_display_data":
            self._update(message)
        elif message.kind in _SHOWN:
            self._show(message)
        elif message.kind == "clear_output":
            self._clear(message)
        elif message.kind == "comm_open":
            self._comm(message)

    def interrupt(self) -> None:
        """Note that somebody asked the kernel to interrupt what it does."""
        for action in self._running.values():
            action.interrupted = True

    def note(self, text: str, at: float) -> None:
        """Write down what happened to the kernel itself."""
        notebook = self._around.notebook(None)
        self._emit(note(self._around.facts(), journal.new_id(at), at, notebook, text))

    def stop(self, at: float, before: float) -> None:
        """End all that was begun before a moment: the process that was to do it is gone.

        What was asked before and the process never spoke of may still stand in the server's queue: it is ended
        once the next process cannot run it any more, at once where `before` is infinite and none will come.
        The first such request may have run, where nothing else did: a kernel can die before its word that it
        begins has left it.
        """
        unspoken = [request for request in self._unanswered(before) if request.id not in self._running]
        is_idle = not (self._running or self._unspoken)
        self._end_begun(at, before)
        for number, request in enumerate(unspoken):
            status = "lost" if is_idle and number == 0 else "aborted"
            self._unspoken[request.id] = _Unspoken(request, status, at)
        if before == inf:
            self._end_unspoken(list(self._unspoken))

    def _end_begun(self, at: float, before: float) -> None:
        for message_id, action in list(self._running.items()):
            if action.started < before:
                self._end(message_id, at, "lost")
        for late in [late for late in self._late.values() if late.started < before]:
            late.spans += [(since, at) for since in late.open.values()]
            self._flush(late, "lost" if late.open else "ok")
        if not self._running:
            self._look(at)
        self._busy = {message_id: since for message_id, since in self._busy.items() if since >= before}

    def due(self) -> float | None:
        """Return when `tick` has something to do next, or None."""
        times = [self._deadline(late) for late in self._late.values()]
        times += [unspoken.at + _NEXT_PROCESS for unspoken in self._unspoken.values()]
        return min(times, default=None)

    def tick(self, now: float) -> None:
        """Write out what has been quiet for a moment, the files that came late, and what no process will run."""
        waited = [key for key, one in self._unspoken.items() if not -_SET_BACK < now - one.at < _NEXT_PROCESS]
        self._end_unspoken(waited)
        if abs(now - self._looked) >= LOOK and not (self._running or self._busy or self._late):
            self._looked = now
            self._look(now - _HEARD)
        for late in list(self._late.values()):
            if late.last - _SET_BACK < now < self._deadline(late):
                continue
            if late.open:
                self._begin_late(late)
            else:
                self._flush(late, "ok")

    # Cells

    def _status(self, message: Message) -> None:
        state = message.content.get("execution_state")
        if state == "starting":
            self._end_begun(message.at, message.at)
        elif message.parent_kind == "execute_request":
            if state == "busy":
                self._busy[message.parent] = message.at
            elif state == "idle":
                self._idle(message)
        elif message.parent_kind in _CALLBACKS:
            self._callback(message, state)

    def _begin(self, message: Message, code: str, count: int | None) -> Action | None:
        request = self._requests.find(message.parent, message.parent_session, wait=0.25)
        if request is not None and not request.recorded:
            return None
        if request is None:
            request = Request(id=message.parent, session=message.parent_session, code=code)
        self._end_unheard(message)
        self._take_back(request)
        started = self._busy.get(message.parent, message.at)
        action = Action(
            id=journal.new_id(started),
            request=request,
            started=started,
            outputs=Outputs(self._limit),
            notebook=self._around.notebook(request.cell),
            count=count,
            process=message.process,
            shows_interrupts=self._around.facts().get("language", "").lower() != "r",
        )
        self._running[message.parent] = action
        self._emit(action.begin(self._around.facts()))
        return action

    def _end_unheard(self, message: Message) -> None:
        """End the cell before this one where the word that it was over was dropped on its way, with what else was."""
        unheard = [key for key, action in self._running.items() if action.process == message.process]
        for message_id in unheard:
            self._running[message_id].outputs.add("stream", {"name": "stderr", "text": _MISSED})
            self._requests.answered(message_id)
            self._busy.pop(message_id, None)
            self._end(message_id, self._busy.get(message.parent, message.at), None)

    def _idle(self, message: Message) -> None:
        started = self._busy.pop(message.parent, message.at)
        self._requests.answered(message.parent)
        if message.parent in self._running:
            self._end(message.parent, message.at, None)
        elif message.parent not in self._ended:
            self._abort(message, started)

    def _abort(self, message: Message, started: float) -> None:
        """Record a request that the kernel passed over, as it does after an error in the cell before."""
        request = self._requests.find(message.parent, message.parent_session, wait=0.25)
        if request is None or not request.recorded:
            return
        self._take_back(request)
        self._end_at_once(request, started, message.at, "aborted")

    def _take_back(self, request: Request) -> None:
        """Let the next process run a request; what the same client asked before it has not reached that."""
        earlier = []
        for key, unspoken in self._unspoken.items():
            if key == request.id:
                break
            if unspoken.request.session == request.session:
                earlier.append(key)
        self._unspoken.pop(request.id, None)
        self._end_unspoken(earlier)

    def _end_unspoken(self, keys: list[str]) -> None:
        for key in keys:
            unspoken = self._unspoken.pop(key)
            self._end_at_once(unspoken.request, unspoken.at, unspoken.at, unspoken.status)

    def _end_at_once(self, request: Request, started: float, at: float, status: str) -> None:
        notebook = self._around.notebook(request.cell)
        action = Action(journal.new_id(started), request, started, Outputs(self._limit), notebook)
        self._remember(request.id, action.origin)
        self._finish(action, at, status, Accesses())

    def _end(self, message_id: str, at: float, status: str | None) -> None:
        action = self._running.pop(message_id)
        action.notebook = self._around.notebook(action.request.cell) or action.notebook
        self._remember(message_id, action.origin)
        self._last_end = _later(self._last_end, at)
        files = self._around.files(action.started, at)
        self._finish(action, at, status or action.status, files)
        self._forget_files()

    def _finish(self, action: Action, at: float, status: str, files: Accesses) -> None:
        saves = bool(action.notebook) and self._around.save_expected(action.request.session)
        self._emit(action.end(self._around.facts(), at, status, files, save_expected=saves))

    def _forget_files(self) -> None:
        running = [action.started for action in self._running.values()]
        late = [since for late in self._late.values() for since, _ in late.spans]
        late += [since for late in self._late.values() for since in late.open.values()]
        self._around.forget_files(min([self._last_end, *self._busy.values(), *running, *late]))

    def _remember(self, message_id: str, origin: Origin) -> None:
        _keep(self._ended, message_id, origin)
        self._last = origin

    # What is shown

    def _show(self, message: Message) -> None:
        outputs, origin = self._target(message)
        if outputs is None:
            return
        outputs.add(message.kind, message.content)
        display_id = display_id_of(message.content)
        if display_id and origin:
            _keep(self._displays, display_id, origin)

    def _clear(self, message: Message) -> None:
        outputs, _ = self._target(message)
        if outputs is not None:
            outputs.clear(wait=bool(message.content.get("wait")))

    def _update(self, message: Message) -> None:
        display_id = display_id_of(message.content)
        if display_id is None:
            return
        for action in self._running.values():
            if action.outputs.update(display_id, message.content):
                return
        origin = self._displays.get(display_id)
        if origin is None:
            return
        late = self._late_of(origin, "Display update", message)
        if not late.outputs.update(display_id, message.content):
            late.outputs.add("display_data", message.content)

    def _comm(self, message: Message) -> None:
        comm = message.content.get("comm_id")
        origin = self._origin_of(message)
        if isinstance(comm, str) and origin:
            _keep(self._comms, comm, origin)

    def _origin_of(self, message: Message) -> Origin | None:
        if message.parent in self._running:
            return self._running[message.parent].origin
        if message.parent in self._ended:
            return self._ended[message.parent]
        return self._callback_origin(message) if message.parent_kind in _CALLBACKS else None

    def _target(self, message: Message) -> tuple[Outputs | None, Origin | None]:
        """Return where an output goes, and the cell that it belongs to; nothing for what is not recorded."""
        action = self._running.get(message.parent)
        if action is None and message.parent_kind == "execute_request" and message.parent not in self._ended:
            request = self._requests.find(message.parent, message.parent_session)
            action = self._begin(message, request.code, None) if request else None
        if action is not None:
            return action.outputs, action.origin
        if message.parent in self._ended:
            ended = self._ended[message.parent]
            return self._late_of(ended, "Late output", message).outputs, ended
        if message.parent_kind in _CALLBACKS:
            maker = self._callback_origin(message)
            return (self._late_of(maker, "Widget", message).outputs, maker) if maker else (None, None)
        return None, None

    # What comes late

    def _callback_origin(self, message: Message) -> Origin | None:
        """Return the cell that made a widget; None for a channel of JupyterLab's own."""
        request = self._requests.find(message.parent, message.parent_session, wait=0.1)
        return self._comms.get(request.comm) if request and request.comm else None

    def _callback(self, message: Message, state: object) -> None:
        origin = self._callback_origin(message)
        if origin is None:
            return
        if state == "busy":
            late = self._late_of(origin, "Widget", message)
            late.open[message.parent] = message.at
        elif state == "idle":
            late = self._late_of(origin, "Widget", message)
            since = late.open.pop(message.parent, message.at)
            late.spans.append((since, message.at))
            self._last_end = _later(self._last_end, message.at)

    def _late_of(self, origin: Origin, title: str, message: Message) -> Late:
        late = self._late.get(origin.id)
        if late is None:
            at = message.at
            late = Late(journal.new_id(at), origin, title, at, at, Outputs(self._limit))
            self._late[origin.id] = late
        late.last = message.at
        return late

    def _deadline(self, late: Late) -> float:
        if late.open:
            return float("inf") if late.begun else late.started + 1.0
        return min(late.last + QUIET, late.started + LONGEST)

    def _begin_late(self, late: Late) -> None:
        late.begun = True
        self._emit(late.begin(self._around.facts()))

    def _flush(self, late: Late, status: str) -> None:
        del self._late[late.origin.id]
        files = self._files_of(late)
        self._forget_files()
        if not (late.outputs or files or late.begun):
            return
        self._emit(late.end(self._around.facts(), status, files))

    def _files_of(self, late: Late) -> Accesses:
        found = [self._around.files(since, until) for since, until in late.spans]
        if not late.spans and len(self._late) == 0 and not self._running:
            found = [self._around.changed_between(self._last_end, late.last)]
            self._last_end = _later(self._last_end, late.last)
        return Accesses.merged(found)

    def _look(self, until: float) -> None:
        """Write down the files that were written or closed when no cell ran, as what continues the last one."""
        since, self._last_end = self._last_end, _later(self._last_end, until)
        files = self._around.left(since, until) if self._last is not None else None
        self._forget_files()
        if files and self._last is not None:
            late = Late(
                journal.new_id(until), self._last, "Files written later", until, until, Outputs(self._limit)
            )
            self._emit(late.end(self._around.facts(), "ok", files))


def _later(one: float, other: float) -> float:
    """Return the later of two moments, of which the second was heard of last."""
    return other if other < one - _SET_BACK else max(one, other)


def _keep(known: OrderedDict[str, Origin], key: str, origin: Origin) -> None:
    known[key] = origin
    known.move_to_end(key)
    if len(known) > _KEPT:
        known.popitem(last=False)
