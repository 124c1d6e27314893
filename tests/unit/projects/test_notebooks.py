"""Notebooks as they go into a commit."""

import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.projects.notebooks import cleaned, merged, shows


def notebook(*cells):
    made = nbformat.v4.new_notebook(cells=list(cells))
    return (nbformat.writes(made) + "\n").encode()


def code_cell(source, cell_id="c1", outputs=(), count=None):
    cell = nbformat.v4.new_code_cell(source, id=cell_id, outputs=list(outputs), execution_count=count)
    return cell


def stream(name, text):
    return nbformat.v4.new_output("stream", name=name, text=text)


def test_answers_to_input_are_taken_out_and_nothing_else():
    data = notebook(code_cell("input()", outputs=[stream("stdin", "my password"), stream("stdout", "ok")]))
    kept = json.loads(cleaned(data))["cells"][0]["outputs"]
    assert [output["name"] for output in kept] == ["stdout"]
    assert b"password" not in cleaned(data)


def test_a_notebook_without_answers_is_the_very_same_bytes():
    odd = b'{"cells": [],   "nbformat": 4}'
    assert cleaned(odd) is odd


def test_merging_a_cell_writes_what_jupyter_would_have_saved():
    before = notebook(code_cell("x = 1"), code_cell("y", "c2"))
    outputs = [{"output_type": "stream", "name": "stdout", "text": "a\nb\n"}]
    entry = {"cell": "c1", "code": "x = 2\nprint(x)", "notebook_outputs": outputs, "execution_count": 7}
    expected = nbformat.reads(before.decode(), as_version=4)
    expected.cells[0] = code_cell("x = 2\nprint(x)", outputs=[stream("stdout", "a\nb\n")], count=7)
    assert merged(before, entry).decode() == nbformat.writes(expected) + "\n"
    assert shows(merged(before, entry), "c1", 7)


def test_a_cell_that_was_never_saved_is_put_at_the_end():
    data = merged(notebook(code_cell("x")), {"cell": "new", "code": "1+1", "execution_count": 1})
    assert [cell["id"] for cell in json.loads(data)["cells"]] == ["c1", "new"]


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"cells": 3}', b'{"cells": [1]}', b"\xff\xfe"])
def test_what_is_no_notebook_is_left_alone(data):
    assert merged(data, {"cell": "c1", "code": "x"}) == data
    assert cleaned(data) == data
    assert not shows(data, "c1", 1)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data):
    assert cleaned(data + b'"stdin"') == data + b'"stdin"'


def test_a_notebook_that_is_nested_beyond_reason_is_left_as_it_is():
    deep = b'{"cells": [{"id": "c1", "outputs": [{"name": "stdin"}], "metadata": ' + b"[" * 9999
    deep += b"]" * 9999 + b"}]}"
    assert cleaned(deep) == merged(deep, {"cell": "c1", "code": "x"}) == deep
    assert not shows(deep, "c1", 1)
