import base64
import hashlib
import os

from trailmark_capture.jupyter.outputs import Outputs

PNG = base64.b64encode(b"\x89PNG pixels").decode()


def test_one_display_is_one_group() -> None:
    outputs = Outputs(1000)
    outputs.add("stream", {"name": "stdout", "text": "before\n"})
    outputs.add("display_data", {"data": {"image/png": PNG + "\n", "text/plain": "<Figure>"}})
    outputs.add("stream", {"name": "stderr", "text": "after\n"})
    journal, notebook = outputs.render()
    assert [(entry["mime"], entry["group"]) for entry in journal] == [
        ("text/plain", 0),
        ("image/png", 1),
        ("text/plain", 1),
        ("text/plain", 2),
    ]
    assert journal[1]["base64"] == PNG
    assert [output["output_type"] for output in notebook] == ["stream", "display_data", "stream"]


def test_text_of_one_stream_is_one_output_until_another_comes_between() -> None:
    outputs = Outputs(1000)
    for name in ("stdout", "stdout", "stderr", "stdout"):
        outputs.add("stream", {"name": name, "text": name[3]})
    assert [entry["text"] for entry in outputs.render()[0]] == ["oo", "e", "o"]


def test_json_is_text_in_the_journal_and_itself_in_the_notebook() -> None:
    outputs = Outputs(1000)
    outputs.add("execute_result", {"data": {"application/json": {"a": [1]}}, "execution_count": 3})
    journal, notebook = outputs.render()
    assert journal[0]["text"] == '{"a": [1]}'
    assert notebook[0]["data"] == {"application/json": {"a": [1]}}
    assert notebook[0]["execution_count"] == 3


def test_an_image_that_is_no_base64_is_kept_as_text() -> None:
    outputs = Outputs(1000)
    outputs.add("display_data", {"data": {"image/svg+xml": "<svg/>", "image/png": "not base64!"}})
    assert [entry["text"] for entry in outputs.render()[0]] == ["<svg/>", "not base64!"]


def test_beyond_the_limit_a_stream_keeps_head_tail_size_and_hash() -> None:
    outputs = Outputs(200_000)
    lines = [f"line {number}\n" for number in range(100_000)]
    for start in range(0, len(lines), 1000):
        outputs.add("stream", {"name": "stdout", "text": "".join(lines[start : start + 1000])})
    whole = "".join(lines).encode()
    (entry,), _ = outputs.render()
    assert entry["truncated"] == {"bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}
    assert entry["text"].startswith("line 0\n")
    assert entry["text"].endswith("line 99999\n")
    assert len(entry["text"]) < 210_000


def test_beyond_the_limit_the_largest_output_is_cut_and_the_others_stay_whole() -> None:
    large = os.urandom(300_000)
    outputs = Outputs(350_000)
    outputs.add("display_data", {"data": {"image/png": PNG}})
    outputs.add(
        "display_data", {"data": {"image/png": base64.b64encode(large).decode(), "text/plain": "big"}}
    )
    outputs.add("display_data", {"data": {"text/html": "x" * 20_000}})
    journal, _ = outputs.render()
    assert journal[0]["base64"] == PNG
    assert journal[1] == {
        "mime": "image/png",
        "name": None,
        "group": 1,
        "base64": "",
        "truncated": {"bytes": 300_000, "sha256": hashlib.sha256(large).hexdigest()},
    }
    assert journal[2]["text"] == "big"
    assert journal[3]["text"] == "x" * 20_000


def test_memory_stays_bounded_whatever_is_shown() -> None:
    outputs = Outputs(100_000)
    for _ in range(300):
        outputs.add("display_data", {"data": {"text/html": "y" * 90_000}})
    journal, notebook = outputs.render()
    assert sum(len(entry["text"]) for entry in journal) < 200_000
    assert "outputs" in journal[1]["text"]
    assert journal[1]["truncated"]["bytes"] > 280 * 90_000
    assert len(journal) == len(notebook) < 5


def test_thirty_thousand_small_displays_are_all_kept() -> None:
    outputs = Outputs(50_000_000)
    for number in range(30_000):
        outputs.add("display_data", {"data": {"text/plain": str(number)}})
    assert [entry["text"] for entry in outputs.render()[0]] == [str(number) for number in range(30_000)]


def test_endless_alternation_of_streams_stays_bounded() -> None:
    outputs = Outputs(200_000)
    for number in range(10_000):
        outputs.add("stream", {"name": ("stdout", "stderr")[number % 2], "text": f"{number}\n"})
    journal, _ = outputs.render()
    assert journal[0]["text"] == "0\n"
    assert journal[-1]["text"] == "9999\n"
    assert len(journal) < 1000


def test_clearing_at_once_and_clearing_when_something_comes() -> None:
    outputs = Outputs(1000)
    outputs.add("stream", {"name": "stdout", "text": "a"})
    outputs.clear(wait=True)
    assert outputs.render()[0][0]["text"] == "a"
    outputs.clear(wait=False)
    assert outputs.render() == ([], [])


def test_an_updated_display_counts_its_frames() -> None:
    outputs = Outputs(1000)
    outputs.add("display_data", {"data": {"text/plain": "0"}, "transient": {"display_id": "d"}})
    for number in range(1, 5):
        assert outputs.update("d", {"data": {"text/plain": str(number)}})
    assert not outputs.update("other", {"data": {}})
    assert outputs.render()[0] == [{"mime": "text/plain", "name": None, "group": 0, "text": "4", "frames": 5}]
