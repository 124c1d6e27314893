"""Whatever stands in a journal, what can be believed of it is recorded, and nothing of it raises."""

from hypothesis import given
from hypothesis import strategies as st

from trailmark.activity import Record
from trailmark.projects.entries import action_of, checked
from trailmark_capture.journal import new_id, time_of

ID = "01M847FHVQANAA9JWEYFDCXX8A"
NAMES = (
    *("started", "ended", "kind", "title", "code", "status", "actor", "tool", "source", "notebook", "cell"),
    *("outputs", "notebook_outputs", "reads", "writes", "deletes", "error", "resources", "files_log"),
    *("execution_count", "exit_code", "save_expected", "continues", "v", "something new"),
)
KEYS = st.sampled_from(
    ("path", "mime", "text", "base64", "digest", "bytes", "truncated", "group", "name", "value", "traceback")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.sampled_from(("begin", "end")))
def test_an_entry_becomes_an_action_whatever_it_says(facts, type_):
    entry = checked({"type": type_, "id": ID, **facts})
    assert entry is not None
    action = action_of(entry)
    facts = {
        name: getattr(action, name) for name in ("kind", "title", "status", "started", "seconds", "actor")
    }
    record = Record(id=ID, author="Ada <ada@example.org>", detail=action.detail, **facts)
    assert Record.from_json(record.to_json()).started == record.started
    assert all(isinstance(output.data, bytes) for output in action.outputs)
    assert all(
        isinstance(file["path"], str) for name in ("reads", "writes") for file in entry.get(name) or ()
    )


@given(st.dictionaries(st.sampled_from(("type", "id")), JSON))
def test_what_names_no_action_is_no_entry(facts):
    assert checked(facts) is None


@given(st.floats(0, 1e10))
def test_an_id_tells_its_time(at):
    assert abs(time_of(new_id(at)) - at) < 0.01
