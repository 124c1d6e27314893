import base64
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.engines.buildlog import BuildLog, Said
from trailmark.errors import CommandFailed


def field(number, value):
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def trace(*fields):
    return json.dumps(
        {"id": "moby.buildkit.trace", "aux": base64.b64encode(b"".join(fields)).decode()}
    ).encode()


def vertex(name, *, started=True, cached=False):
    facts = field(1, name[:20].encode()) + field(3, name.encode())
    return field(1, facts + (b"\x20\x01" if cached else b"") + (field(5, b"t") if started else b""))


def text(text):
    return field(3, field(1, b"x") + field(2, b"time") + b"\x18\x01" + field(4, text.encode()))


def said(*lines):
    log = BuildLog()
    return [one for line in lines for one in log.read(line)]


def test_a_trace_of_buildkit_becomes_lines_and_steps():
    name = '[stage-0 2/4] RUN ["/bin/sh", "/run/trailmark/run.sh", "pip", "12"]'
    assert said(
        trace(vertex(name, started=False)),
        trace(vertex(name)),
        trace(vertex(name)),
        trace(text("one\ntw")),
        trace(text("o\r\nthree 1%\rthree 2%\n\x1b[31mfour\x1b[0m\n\n")),
        trace(vertex("[3/4] COPY x y", cached=True)),
    ) == [
        Said(name),
        Said("Building: pip", 0.25),
        Said("one"),
        Said("two"),
        Said("three 2%"),
        Said("four"),
        Said("[3/4] COPY x y (kept from before)"),
        Said("Building", 0.5),
    ]


def test_lines_of_podman_do_too():
    line = json.dumps(
        {"stream": '[2/2] STEP 3/4: RUN x ["/bin/sh", "/run/trailmark/run.sh", "apt", "1"]\n'}
    ).encode()
    assert said(line, json.dumps({"stream": "  ok\n"}).encode())[1:] == [
        Said("Building: apt", 0.5),
        Said("  ok"),
    ]


def test_a_failure_ends_it_with_the_last_words():
    with pytest.raises(CommandFailed, match="exit code: 3") as failed:
        said(trace(text("gone wrong")), b'{"error": "exit code: 3"}')
    assert failed.value.output == "gone wrong\nexit code: 3"


@given(st.binary(max_size=60))
def test_no_answer_is_too_strange(data):
    said(data, trace(data), json.dumps({"stream": data.decode("latin-1")}).encode(), b"[]", os.urandom(3))
