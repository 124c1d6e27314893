"""What a kernel's messages become, without a kernel."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from trailmark_capture.jupyter.actions import Accesses
from trailmark_capture.jupyter.follower import Follower
from trailmark_capture.jupyter.messages import Message
from trailmark_capture.jupyter.requests import Request, Requests

START = 1_700_000_000.0


@dataclass
class Around:
    """A kernel's surroundings, as a fake."""

    path: str | None = "code/a.ipynb"
    touched: list[tuple[float, str]] = field(default_factory=list)
    page: bool = False

    def facts(self) -> dict[str, Any]:
        return {"tool": "jupyterlab", "language": "python"}

    def notebook(self, cell: str | None) -> str | None:
        return self.path

    def files(self, since: float, until: float) -> Accesses:
        return Accesses(
            writes=[{"path": path} for at, path in self.touched if since <= at <= until], by="shim"
        )

    def changed_between(self, since: float, until: float) -> Accesses:
        return self.files(since, until)

    def left(self, since: float, until: float) -> Accesses:
        return self.files(since + 1e-6, until)

    def forget_files(self, before: float) -> None:
        self.touched = [(at, path) for at, path in self.touched if at >= before]

    def save_expected(self, session: str) -> bool:
        return self.page


class Kernel:
    """Publishes messages, each a tenth of a second after the last."""

    def __init__(self, around: Around | None = None, limit: int = 1_000_000) -> None:
        self.around = around or Around()
        self.requests = Requests()
        self.entries: list[dict[str, Any]] = []
        self.now = START
        self.process = "first"
        self.follower = Follower(
            self.around,
            self.requests,
            self.entries.append,
            max_output_bytes=limit,
            unanswered=lambda before: self.requests.take_unanswered("", before),
        )

    def says(self, kind: str, parent: str = "", parent_kind: str = "execute_request", **content: Any) -> None:
        self.now += 0.1
        self.follower.handle(
            Message(kind, self.now, content, parent, parent_kind if parent else "", "client", self.process)
        )

    def asked(self, message_id: str, code: str = "", **facts: Any) -> None:
        self.requests.add(Request(id=message_id, session="client", code=code, **facts))

    def begins(self, message_id: str, code: str = "1", cell: str | None = "c1") -> None:
        self.asked(message_id, code, cell=cell)
        self.says("status", message_id, execution_state="busy")
        self.says("execute_input", message_id, code=code, execution_count=7)

    def ends(self, message_id: str) -> None:
        self.says("status", message_id, execution_state="idle")

    def runs(self, message_id: str, code: str = "1", cell: str | None = "c1") -> dict[str, Any]:
        self.begins(message_id, code, cell)
        self.ends(message_id)
        return self.entries[-1]

    def prints(self, message_id: str, text: str, parent_kind: str = "execute_request") -> None:
        self.says("stream", message_id, parent_kind, name="stdout", text=text)

    def waits(self, seconds: float) -> None:
        self.now += seconds
        self.follower.tick(self.now)

    @property
    def last(self) -> dict[str, Any]:
        return self.entries[-1]


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def texts(entry: dict[str, Any]) -> list[str]:
    return [output.get("text", "") for output in entry["outputs"]]


def test_a_cell_is_begun_and_ended(kernel: Kernel) -> None:
    kernel.begins("m", "print('hi')")
    kernel.prints("m", "hi\n")
    kernel.ends("m")
    begin, end = kernel.entries
    assert (begin["type"], end["type"]) == ("begin", "end")
    assert begin["id"] == end["id"]
    assert {name: end[name] for name in begin if name != "type"} == {
        name: value for name, value in begin.items() if name != "type"
    }
    assert begin["source"] == "code/a.ipynb#c1"
    assert begin["started"] == pytest.approx(START + 0.1)
    assert end["ended"] == pytest.approx(START + 0.4)
    assert (end["status"], end["execution_count"], end["code"]) == ("ok", 7, "print('hi')")
    assert end["outputs"] == [{"mime": "text/plain", "name": "stdout", "group": 0, "text": "hi\n"}]
    assert end["notebook_outputs"] == [{"output_type": "stream", "name": "stdout", "text": "hi\n"}]


def test_an_error_has_its_traceback_without_colours(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.says("error", "m", ename="ValueError", evalue="no", traceback=["\x1b[31mValueError\x1b[0m", "no"])
    kernel.ends("m")
    assert kernel.last["status"] == "error"
    assert kernel.last["error"] == {"name": "ValueError", "value": "no", "traceback": "ValueError\nno"}
    assert kernel.last["outputs"] == []
    assert kernel.last["notebook_outputs"][0]["traceback"][0] == "\x1b[31mValueError\x1b[0m"


def test_a_cell_whose_end_was_not_heard_ends_when_the_next_begins(kernel: Kernel) -> None:
    kernel.begins("m", "print('much')")
    kernel.prints("m", "much\n")
    kernel.runs("n", "2")
    begin, end, begin_next, end_next = kernel.entries
    assert (begin["id"], begin_next["id"]) == (end["id"], end_next["id"])
    assert (end["status"], end["ended"]) == ("ok", begin_next["started"])
    assert end["outputs"][0]["text"] == "much\n"
    assert "some of it may be missing" in end["outputs"][1]["text"]
    assert texts(end_next) == []
    assert kernel.requests.take_unanswered("", math.inf) == []


def test_an_interrupted_cell_is_no_error(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.says("error", "m", ename="KeyboardInterrupt", evalue="", traceback=[])
    kernel.ends("m")
    assert kernel.last["status"] == "interrupted"


def test_an_error_that_an_interrupt_caused_is_an_interrupt(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.follower.interrupt()
    kernel.says("error", "m", ename="QueryInterrupted", evalue="", traceback=[])
    kernel.ends("m")
    assert kernel.last["status"] == "interrupted"


def test_a_cell_behind_an_error_is_aborted(kernel: Kernel) -> None:
    kernel.asked("m", "2", cell="c2")
    kernel.says("status", "m", execution_state="busy")
    kernel.ends("m")
    assert [entry["type"] for entry in kernel.entries] == ["end"]
    assert (kernel.last["status"], kernel.last["code"], kernel.last["cell"]) == ("aborted", "2", "c2")


def test_a_silent_request_is_not_recorded(kernel: Kernel) -> None:
    kernel.asked("m", "1", recorded=False)
    kernel.says("status", "m", execution_state="busy")
    kernel.says("execute_input", "m", code="1", execution_count=0)
    kernel.prints("m", "x")
    kernel.ends("m")
    assert kernel.entries == []


def test_an_unseen_client_is_recorded_without_a_cell(kernel: Kernel) -> None:
    kernel.says("status", "m", execution_state="busy")
    kernel.says("execute_input", "m", code="x = 1", execution_count=1)
    kernel.ends("m")
    assert (kernel.last["code"], kernel.last["cell"], kernel.last["source"]) == (
        "x = 1",
        None,
        "code/a.ipynb",
    )


def test_a_kernel_that_is_gone_loses_what_it_did(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.prints("m", "so far\n")
    kernel.follower.stop(kernel.now + 1, before=math.inf)
    assert (kernel.last["status"], texts(kernel.last)) == ("lost", ["so far\n"])


def test_what_a_new_process_does_already_is_not_lost_with_the_old_one(kernel: Kernel) -> None:
    kernel.begins("old", cell="c1")
    begun, kernel.process = kernel.now, "second"
    kernel.begins("new", cell="c2")
    kernel.follower.stop(kernel.now, before=begun)
    assert [(entry["cell"], entry.get("status")) for entry in kernel.entries[2:]] == [("c1", "lost")]
    kernel.ends("new")
    assert (kernel.last["cell"], kernel.last["status"]) == ("c2", "ok")


def test_what_was_asked_after_a_kernels_death_waits_for_the_next_process(kernel: Kernel) -> None:
    kernel.asked("m", "1", cell="c1")
    kernel.follower.stop(kernel.now, before=time.time() - 1)
    assert kernel.entries == []
    kernel.begins("m", cell="c1")
    kernel.ends("m")
    assert [entry["type"] for entry in kernel.entries] == ["begin", "end"]


def test_a_kernel_that_starts_anew_has_lost_what_it_did(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.says("status", execution_state="starting")
    assert kernel.last["status"] == "lost"


def test_cleared_frames_collapse_to_the_last(kernel: Kernel) -> None:
    kernel.begins("m")
    for number in range(50):
        kernel.says("clear_output", "m", wait=True)
        kernel.prints("m", f"frame {number}\n")
    kernel.ends("m")
    assert texts(kernel.last) == ["frame 49\n"]
    assert kernel.last["outputs"][0]["frames"] == 50


def test_a_progress_bar_collapses(kernel: Kernel) -> None:
    kernel.begins("m")
    for percent in range(0, 101, 10):
        kernel.prints("m", f"\r{percent}%")
    kernel.prints("m", "\ndone\n")
    kernel.ends("m")
    assert texts(kernel.last) == ["100%\ndone\n"]
    assert kernel.last["outputs"][0]["frames"] == 11


def test_a_display_is_updated_in_its_own_cell(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.says("display_data", "m", data={"text/plain": "a"}, transient={"display_id": "d"})
    kernel.says("update_display_data", "m", data={"text/plain": "b"}, transient={"display_id": "d"})
    kernel.ends("m")
    assert texts(kernel.last) == ["b"]


def test_a_display_updated_by_a_later_cell_continues_the_first(kernel: Kernel) -> None:
    kernel.begins("m", cell="c1")
    kernel.says("display_data", "m", data={"text/plain": "a"}, transient={"display_id": "d"})
    kernel.ends("m")
    first = kernel.last
    kernel.begins("n", cell="c2")
    kernel.says("update_display_data", "n", data={"text/plain": "b"}, transient={"display_id": "d"})
    kernel.ends("n")
    assert texts(kernel.last) == []
    kernel.waits(0.5)
    assert (kernel.last["continues"], kernel.last["source"]) == (first["id"], first["source"])
    assert (texts(kernel.last), kernel.last["notebook"]) == (["b"], None)
    assert texts(first) == ["a"]


def test_output_after_the_end_is_gathered_into_one_entry(kernel: Kernel) -> None:
    first = kernel.runs("m")
    kernel.prints("m", "late 1\n")
    kernel.prints("m", "late 2\n")
    kernel.follower.tick(kernel.now + 0.1)
    assert kernel.last is first
    kernel.waits(0.4)
    assert (kernel.last["continues"], texts(kernel.last)) == (first["id"], ["late 1\nlate 2\n"])
    kernel.waits(10)
    assert len(kernel.entries) == 3


def test_output_that_never_pauses_is_written_all_the_same(kernel: Kernel) -> None:
    kernel.runs("m")
    for _ in range(100):
        kernel.prints("m", "x")
        kernel.follower.tick(kernel.now)
    late = [entry for entry in kernel.entries if entry["continues"]]
    assert 1 <= len(late) <= 2
    kernel.waits(1)
    assert "".join(texts(entry)[0] for entry in kernel.entries if entry["continues"]) == "x" * 100


def test_a_file_that_a_thread_wrote_belongs_to_what_it_says(kernel: Kernel) -> None:
    kernel.runs("m")
    kernel.around.touched.append((kernel.now + 0.05, "output/late.csv"))
    kernel.prints("m", "written\n")
    kernel.waits(1)
    assert kernel.last["writes"] == [{"path": "output/late.csv"}]


def test_a_widgets_callback_continues_the_cell_that_made_it(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.says("comm_open", "m", comm_id="w")
    kernel.ends("m")
    first = kernel.last
    kernel.asked("click", comm="w")
    kernel.says("status", "click", "comm_msg", execution_state="busy")
    kernel.prints("click", "clicked\n", "comm_msg")
    kernel.around.touched.append((kernel.now, "output/clicked.txt"))
    kernel.says("status", "click", "comm_msg", execution_state="idle")
    kernel.waits(1)
    assert (kernel.last["continues"], texts(kernel.last)) == (first["id"], ["clicked\n"])
    assert kernel.last["writes"] == [{"path": "output/clicked.txt"}]


def test_a_callback_that_shows_and_touches_nothing_is_no_entry(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.says("comm_open", "m", comm_id="w")
    kernel.ends("m")
    kernel.asked("slide", comm="w")
    kernel.says("status", "slide", "comm_msg", execution_state="busy")
    kernel.says("status", "slide", "comm_msg", execution_state="idle")
    kernel.waits(1)
    assert len(kernel.entries) == 2


def test_a_long_callback_is_begun_so_that_a_crash_leaves_a_mark(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.says("comm_open", "m", comm_id="w")
    kernel.ends("m")
    kernel.asked("train", comm="w")
    kernel.says("status", "train", "comm_msg", execution_state="busy")
    kernel.waits(1.5)
    assert kernel.last["type"] == "begin"
    kernel.follower.stop(kernel.now, before=math.inf)
    assert (kernel.last["type"], kernel.last["status"]) == ("end", "lost")
    assert kernel.entries[2]["id"] == kernel.last["id"]


def test_a_channel_that_no_cell_made_is_not_recorded(kernel: Kernel) -> None:
    kernel.asked("open", comm="control")
    kernel.says("status", "open", "comm_open", execution_state="busy")
    kernel.says("stream", "open", "comm_open", name="stderr", text="No such comm target")
    kernel.says("status", "open", "comm_open", execution_state="idle")
    kernel.waits(1)
    assert kernel.entries == []


def test_files_belong_to_the_cell_in_whose_time_they_were_touched(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.around.touched.append((kernel.now + 0.05, "output/a.csv"))
    kernel.ends("m")
    kernel.runs("n")
    first, second = (entry for entry in kernel.entries if entry["type"] == "end")
    assert (first["writes"], second["writes"]) == ([{"path": "output/a.csv"}], [])


def test_a_notebook_renamed_during_a_run_is_known_by_its_new_name(kernel: Kernel) -> None:
    kernel.begins("m")
    kernel.around.path = "code/b.ipynb"
    kernel.ends("m")
    assert kernel.last["source"] == "code/b.ipynb#c1"


def test_a_save_is_expected_from_a_page_only() -> None:
    assert Kernel().runs("m")["save_expected"] is False
    assert Kernel(Around(page=True)).runs("m")["save_expected"] is True


def test_a_kernel_that_publishes_no_input_is_recorded_by_its_request(kernel: Kernel) -> None:
    kernel.asked("m", "SELECT 1", cell="c1")
    kernel.says("status", "m", execution_state="busy")
    kernel.says("execute_result", "m", data={"text/plain": "1"}, execution_count=1)
    kernel.ends("m")
    assert (kernel.last["code"], kernel.last["status"]) == ("SELECT 1", "ok")


def test_what_another_request_says_is_nobodys_output(kernel: Kernel) -> None:
    kernel.says("status", "k", "kernel_info_request", execution_state="busy")
    kernel.prints("k", "noise", "inspect_request")
    kernel.says("status", "k", "kernel_info_request", execution_state="idle")
    kernel.waits(1)
    assert kernel.entries == []


def test_what_happens_to_the_kernel_is_noted(kernel: Kernel) -> None:
    kernel.follower.note("The kernel was restarted", START)
    assert (kernel.last["type"], kernel.last["kind"], kernel.last["source"]) == (
        "end",
        "note",
        "code/a.ipynb",
    )
    assert texts(kernel.last) == [kernel.last["title"]] == ["The kernel was restarted"]


def test_a_kernel_that_dies_before_it_says_that_it_begins_leaves_the_cell_lost(kernel: Kernel) -> None:
    kernel.runs("m1")
    kernel.asked("m2", "os._exit(1)", cell="c2")
    kernel.asked("m3", "never reached", cell="c3")
    kernel.asked("m4", "a tool's question", recorded=False)
    kernel.follower.stop(kernel.now + 1, before=math.inf)
    assert [(entry["cell"], entry["status"]) for entry in kernel.entries[2:]] == [
        ("c2", "lost"),
        ("c3", "aborted"),
    ]
    kernel.follower.stop(kernel.now + 2, before=math.inf)
    assert len(kernel.entries) == 4


def test_cells_that_waited_behind_the_one_that_died_were_not_run(kernel: Kernel) -> None:
    kernel.begins("m1")
    kernel.asked("m2", "2", cell="c2")
    kernel.follower.stop(kernel.now + 1, before=math.inf)
    assert [(entry["cell"], entry["status"]) for entry in kernel.entries[1:]] == [
        ("c1", "lost"),
        ("c2", "aborted"),
    ]


def dies_with_a_queue(kernel: Kernel) -> None:
    kernel.begins("m1")
    kernel.asked("m2", "2", cell="c2")
    kernel.asked("m3", "3", cell="c3")
    kernel.now += 0.1
    kernel.follower.stop(kernel.now, before=time.time() + 1)
    kernel.process = "second"


def ends_of(kernel: Kernel) -> list[tuple[str, str]]:
    return [(entry["cell"], entry["status"]) for entry in kernel.entries if entry["type"] == "end"]


def test_a_cell_that_the_servers_queue_still_holds_runs_in_the_next_process(kernel: Kernel) -> None:
    dies_with_a_queue(kernel)
    assert ends_of(kernel) == [("c1", "lost")]
    for message_id, cell in [("m2", "c2"), ("m3", "c3")]:
        kernel.begins(message_id, cell=cell)
        kernel.ends(message_id)
    kernel.follower.tick(kernel.now + 60)
    assert ends_of(kernel) == [("c1", "lost"), ("c2", "ok"), ("c3", "ok")]


def test_a_cell_whose_successor_runs_in_the_next_process_was_not_run(kernel: Kernel) -> None:
    dies_with_a_queue(kernel)
    kernel.begins("m3", cell="c3")
    assert ends_of(kernel) == [("c1", "lost"), ("c2", "aborted")]
    kernel.ends("m3")
    assert ends_of(kernel)[-1] == ("c3", "ok")


def test_a_cell_that_no_next_process_takes_up_was_not_run(kernel: Kernel) -> None:
    dies_with_a_queue(kernel)
    due = kernel.follower.due()
    assert due is not None
    kernel.follower.tick(due - 1)
    assert ends_of(kernel) == [("c1", "lost")]
    kernel.follower.tick(due)
    assert ends_of(kernel) == [("c1", "lost"), ("c2", "aborted"), ("c3", "aborted")]
    assert kernel.follower.due() is None


def test_files_that_come_when_no_cell_runs_continue_the_last_one():
    kernel = Kernel()
    first = kernel.runs("m1")
    kernel.around.touched.append((kernel.now + 1, "output/late.txt"))
    kernel.follower.tick(kernel.now + 1.2)
    assert kernel.entries[-1]["id"] == first["id"]
    kernel.follower.tick(kernel.now + 4)
    late = kernel.entries[-1]
    assert (late["continues"], late["title"]) == (first["id"], "Files written later")
    assert late["writes"] == [{"path": "output/late.txt"}]
    kernel.follower.tick(kernel.now + 8)
    assert kernel.entries[-1] is late


def test_files_that_a_running_cell_writes_are_its_own():
    kernel = Kernel()
    kernel.runs("m1")
    kernel.begins("m2")
    kernel.around.touched.append((kernel.now + 1, "output/a.txt"))
    kernel.follower.tick(kernel.now + 4)
    kernel.now += 5
    kernel.ends("m2")
    kernel.follower.tick(kernel.now + 4)
    assert [entry["writes"] for entry in kernel.entries if entry["type"] == "end"] == [
        [],
        [{"path": "output/a.txt"}],
    ]


def test_what_a_kernel_had_open_is_written_when_it_is_gone():
    kernel = Kernel()
    first = kernel.runs("m1")
    kernel.around.touched.append((kernel.now + 1, "output/a.db"))
    kernel.follower.stop(kernel.now + 2, math.inf)
    assert kernel.entries[-1]["continues"] == first["id"]
    assert kernel.entries[-1]["writes"] == [{"path": "output/a.db"}]


def test_a_clock_that_is_set_back_holds_nothing_up():
    kernel = Kernel()
    first = kernel.runs("m1")
    kernel.prints("m1", "late")
    kernel.now -= 3600
    kernel.waits(0.1)
    assert (kernel.last["continues"], texts(kernel.last)) == (first["id"], ["late"])
    kernel.runs("m2")
    kernel.around.touched.append((kernel.now + 1, "output/late.txt"))
    kernel.waits(5)
    assert kernel.last["writes"] == [{"path": "output/late.txt"}]
