"""Formats that must come back as they were: records, trailers, the journal's lines. And never fail on others."""

import contextlib
import json
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from trailmark.activity import KINDS, STATUSES, FileRef, OutputRef, Record, Truncation
from trailmark.activity.index.search import match_expression, path_condition
from trailmark.activity.query import parse_time, parse_until
from trailmark.activity.store import entry_message, message_of, parse_entry, path_of, trailers_of
from trailmark.errors import Damaged, InvalidInput
from trailmark.git import Commit, Oid
from trailmark_capture.journal import decode, encode, new_id

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
MAYBE_TEXT = st.none() | ANY_TEXT
OIDS = st.text("0123456789abcdef", min_size=40, max_size=40).map(Oid)
COUNTS = st.integers(0, 2**60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | ANY_TEXT,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(ANY_TEXT, below, max_size=4),
    max_leaves=8,
)
FILES = st.builds(FileRef, ANY_TEXT, MAYBE_TEXT, st.none() | COUNTS, *(st.booleans() for _ in range(4)))
OUTPUTS = st.builds(
    OutputRef,
    mime=ANY_TEXT,
    bytes=COUNTS,
    digest=ANY_TEXT,
    file=ANY_TEXT,
    name=MAYBE_TEXT,
    group=st.integers(0, 99),
    truncated=st.none() | st.builds(Truncation, COUNTS, ANY_TEXT),
    frames=st.none() | COUNTS,
)
RECORDS = st.builds(
    Record,
    id=st.integers(0, 2**40).map(lambda at: new_id(at / 1000)),
    kind=st.sampled_from(KINDS),
    title=ANY_TEXT,
    status=st.sampled_from(STATUSES),
    started=st.floats(0, 4e9),
    seconds=st.floats(0, 1e6),
    author=ANY_TEXT,
    actor=ANY_TEXT,
    tool=MAYBE_TEXT,
    source=MAYBE_TEXT,
    session=MAYBE_TEXT,
    execution_count=st.none() | st.integers(0, 10**6),
    exit_code=st.none() | st.integers(-64, 255),
    reads=st.lists(FILES, max_size=3).map(tuple),
    writes=st.lists(FILES, max_size=3).map(tuple),
    deletes=st.lists(ANY_TEXT, max_size=3).map(tuple),
    outputs=st.lists(OUTPUTS, max_size=3).map(tuple),
    detail=st.dictionaries(ANY_TEXT, JSON, max_size=3),
)


@settings(deadline=None)
@given(RECORDS)
def test_a_record_comes_back_from_its_json(record: Record) -> None:
    data = record.to_json()
    assert Record.from_json(data) == record
    assert Record.from_json(data).to_json() == data


@settings(deadline=None)
@given(JSON | st.dictionaries(st.sampled_from(sorted(Record.__dataclass_fields__)), JSON))
def test_what_is_no_record_is_damaged(value: object) -> None:
    with contextlib.suppress(Damaged):
        record = Record.from_json(json.dumps(value).encode())
        assert isinstance(record.title, str)
        assert isinstance(record.started, int | float)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_record_are_damaged(data: bytes) -> None:
    with contextlib.suppress(Damaged):
        Record.from_json(data)


@settings(deadline=None)
@given(RECORDS, OIDS, OIDS, OIDS, st.none() | OIDS)
def test_an_entry_comes_back_from_its_message(
    record: Record, tree: Oid, commit: Oid, oid: Oid, before: Oid | None
) -> None:
    message = message_of(record, tree)
    subject, blank, *trailers = message.rstrip("\n").split("\n")
    assert subject.strip()
    assert blank == ""
    assert all(line.startswith("Trailmark-") for line in trailers)
    message.encode()
    assert "\0" not in message
    facts = trailers_of(message)
    assert (facts["record"], facts["tree"], facts["kind"]) == (record.id, tree, record.kind)
    parents = tuple(parent for parent in (before, commit) if parent)
    whole = Commit(oid, tree, parents, "A <a@x>", 0, entry_message(message, commit, "refs/heads/main"))
    entry = parse_entry(whole)
    assert entry is not None
    assert (entry.record, entry.tree, entry.commit, entry.ref) == (record.id, tree, commit, "refs/heads/main")
    assert entry.before == (None if before == commit else before)


@settings(deadline=None)
@given(ANY_TEXT)
def test_any_message_has_trailers_or_none(message: str) -> None:
    assert all(isinstance(value, str) for value in trailers_of(message).values())


@settings(deadline=None)
@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_ids_and_their_paths_sort_by_time(one: int, other: int) -> None:
    first, second = sorted([one, other])
    earlier, later = new_id(first / 1000), new_id(second / 1000)
    if second - first > 1:
        assert earlier < later
        assert path_of(earlier) < path_of(later)


ENTRIES = st.dictionaries(ANY_TEXT, JSON, max_size=6)


@settings(deadline=None)
@given(ENTRIES)
def test_a_line_of_the_journal_comes_back(entry: dict[str, object]) -> None:
    line = encode(entry)
    assert line.count(b"\n") == 1
    assert decode(line) == entry


@settings(deadline=None, max_examples=300)
@given(ENTRIES, st.data())
def test_a_torn_or_altered_line_counts_as_never_written(
    entry: dict[str, object], data: st.DataObject
) -> None:
    line = encode(entry)
    assert decode(line[: data.draw(st.integers(0, len(line) - 1))]) is None
    bit = data.draw(st.integers(0, len(line) * 8 - 1))
    altered = bytearray(line)
    altered[bit // 8] ^= 1 << bit % 8
    assert decode(bytes(altered)) in (None, entry)


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_line_or_none(data: bytes) -> None:
    assert decode(data) is None or data.endswith(b"\n")


@settings(deadline=None)
@given(ANY_TEXT | st.text(string.punctuation + " ab", max_size=20))
def test_any_search_is_a_query_or_none(search: str) -> None:
    expression = match_expression(search)
    assert expression is None or expression.startswith('"')
    path_condition(search)


@settings(deadline=None)
@given(ANY_TEXT | st.text(string.digits + "-:TdhZ ", max_size=20))
def test_any_time_is_a_moment_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert isinstance(parse_time(text, now=1_795_440_000.0), float)
    with contextlib.suppress(InvalidInput):
        assert isinstance(parse_until(text, now=1_795_440_000.0), float)
