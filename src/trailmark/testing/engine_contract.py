"""What every engine must do. Subclass `EngineContract` in a test module and give it an `engine` fixture.

The programs are true, false, echo, printenv and sleep, which any engine can have.
"""
# ruff: noqa: D102 - the name of a test says what must hold

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trailmark.engines import Engine, Limits, Mount, SessionSpec, SessionState
from trailmark.errors import InvalidInput, NotFound

_PATIENCE = 20.0
WORD = "from 'the' \"environment\": $HOME `id` \\n \n.\n+ end\n#"


class EngineContract:
    """The suite. Each test has a fresh engine and folder."""

    @pytest.fixture
    def engine(self) -> Engine:
        """Return the engine to test; a subclass must."""
        raise NotImplementedError

    @pytest.fixture
    def image(self) -> str | None:
        """Return the image to run in, for an engine that runs images."""
        return None

    @pytest.fixture
    def spec(self, tmp_path: Path, image: str | None) -> Callable[..., SessionSpec]:
        """Return a maker of specifications: `spec("id", "echo", "hello", labels=…)`."""

        def make(session_id: str, *argv: str, **facts: Any) -> SessionSpec:
            env = {"PATH": "/usr/bin:/bin", "WORD": WORD}
            mounts = (Mount(tmp_path, tmp_path),)
            return SessionSpec(
                id=session_id, argv=argv, env=env, cwd=tmp_path, image=image, mounts=mounts, **facts
            )

        return make

    def test_it_says_whether_its_sessions_run_in_images(self, engine: Engine, image: str | None) -> None:
        if image is None:
            assert engine.containers is None
        else:
            assert engine.containers is not None
            assert engine.containers.name == engine.name
            assert engine.containers.images.has(image)

    def test_a_program_runs_until_it_is_stopped(
        self, engine: Engine, spec: Callable[..., SessionSpec]
    ) -> None:
        before = time.time() - 1
        engine.submit(spec("a", "sleep", "600", port=4321))
        state = _wait(engine, "a", lambda state: state.status == "running")
        assert state.is_live
        assert state.port == 4321
        assert state.ended is None
        assert state.exit_code is None
        engine.stop("a")
        state = _inspect(engine, "a")
        assert (state.status, state.is_live) == ("stopped", False)
        assert state.started is not None
        assert state.ended is not None
        assert before <= state.started <= state.ended <= time.time() + 1

    def test_a_program_that_ends_well_is_stopped(
        self, engine: Engine, spec: Callable[..., SessionSpec]
    ) -> None:
        engine.submit(spec("a", "true"))
        state = _wait(engine, "a", lambda state: not state.is_live)
        assert (state.status, state.exit_code) == ("stopped", 0)

    def test_a_program_that_ends_badly_has_failed(
        self, engine: Engine, spec: Callable[..., SessionSpec]
    ) -> None:
        engine.submit(spec("a", "false"))
        state = _wait(engine, "a", lambda state: not state.is_live)
        assert (state.status, state.exit_code) == ("failed", 1)

    def test_a_program_that_is_not_there_has_failed(
        self, engine: Engine, spec: Callable[..., SessionSpec]
    ) -> None:
        engine.submit(spec("a", "no-such-program-here"))
        state = _wait(engine, "a", lambda state: not state.is_live)
        assert (state.status, state.exit_code) == ("failed", None)
        assert "no-such-program-here" in (state.reason or "")
        assert state.ended is not None

    def test_the_log_keeps_what_the_program_said(
        self, engine: Engine, spec: Callable[..., SessionSpec]
    ) -> None:
        engine.submit(spec("a", "echo", "one\ntwo\nthree"))
        _wait(engine, "a", lambda state: not state.is_live)
        assert engine.logs("a") == "one\ntwo\nthree"
        assert engine.logs("a", tail=2) == "two\nthree"
        assert engine.logs("a", tail=0) == ""

    def test_the_program_has_the_environment_given(
        self, engine: Engine, spec: Callable[..., SessionSpec]
    ) -> None:
        engine.submit(spec("a", "printenv", "WORD"))
        _wait(engine, "a", lambda state: not state.is_live)
        assert engine.logs("a") == WORD

    def test_submitting_again_changes_nothing(self, engine: Engine, spec: Callable[..., SessionSpec]) -> None:
        engine.submit(spec("a", "sleep", "600"))
        state = _wait(engine, "a", lambda state: state.status == "running")
        engine.submit(spec("a", "echo", "second"))
        assert _inspect(engine, "a") == state
        engine.stop("a")
        ended = _inspect(engine, "a")
        engine.submit(spec("a", "sleep", "600"))
        assert _inspect(engine, "a") == ended

    def test_stopping_again_changes_nothing(self, engine: Engine, spec: Callable[..., SessionSpec]) -> None:
        engine.submit(spec("a", "sleep", "600"))
        engine.stop("a")
        state = _inspect(engine, "a")
        engine.stop("a")
        assert _inspect(engine, "a") == state

    def test_stopping_a_failed_session_leaves_it_failed(
        self, engine: Engine, spec: Callable[..., SessionSpec]
    ) -> None:
        engine.submit(spec("a", "false"))
        _wait(engine, "a", lambda state: not state.is_live)
        engine.stop("a")
        assert _inspect(engine, "a").status == "failed"

    def test_sessions_are_found_by_labels(self, engine: Engine, spec: Callable[..., SessionSpec]) -> None:
        engine.submit(spec("a", "sleep", "600", labels={"project": "p", "tool": "x"}))
        engine.submit(spec("b", "true", labels={"project": "p", "tool": "y"}))
        engine.submit(spec("c", "true"))
        _wait(engine, "b", lambda state: not state.is_live)
        assert {state.id for state in engine.list()} == {"a", "b", "c"}
        assert {state.id for state in engine.list({"project": "p"})} == {"a", "b"}
        assert [state.id for state in engine.list({"project": "p", "tool": "y"})] == ["b"]
        assert engine.list({"project": "q"}) == []
        assert _inspect(engine, "a").labels == {"project": "p", "tool": "x"}
        engine.stop("a")

    def test_limits_that_are_kept_stand_in_nobodys_way(
        self, engine: Engine, spec: Callable[..., SessionSpec]
    ) -> None:
        engine.submit(spec("a", "echo", "enough", limits=Limits(512 * 1024**2, 1, 64 * 1024**2)))
        state = _wait(engine, "a", lambda state: not state.is_live)
        assert (state.status, engine.logs("a")) == ("stopped", "enough")

    def test_an_ended_session_can_be_forgotten(
        self, engine: Engine, spec: Callable[..., SessionSpec]
    ) -> None:
        engine.submit(spec("a", "sleep", "600"))
        _wait(engine, "a", lambda state: state.status == "running")
        engine.forget("a")
        assert _inspect(engine, "a").is_live
        engine.stop("a")
        engine.forget("a")
        engine.forget("a")
        assert engine.inspect("a") is None
        assert engine.list() == []

    def test_an_unknown_session(self, engine: Engine) -> None:
        assert engine.inspect("nothing") is None
        assert engine.list() == []
        engine.stop("nothing")
        with pytest.raises(NotFound):
            engine.logs("nothing")

    @pytest.mark.parametrize("session_id", ["", "../a", "a/b", ".", "a b", "x" * 65, "-a"])
    def test_an_id_that_could_name_another_folder_is_refused(
        self, engine: Engine, spec: Callable[..., SessionSpec], session_id: str
    ) -> None:
        with pytest.raises(InvalidInput):
            spec(session_id, "true")
        with pytest.raises(InvalidInput):
            engine.inspect(session_id)
        with pytest.raises(InvalidInput):
            engine.stop(session_id)
        with pytest.raises(InvalidInput):
            engine.forget(session_id)


def _inspect(engine: Engine, session_id: str) -> SessionState:
    state = engine.inspect(session_id)
    assert state is not None
    return state


def _wait(engine: Engine, session_id: str, true: Callable[[SessionState], bool]) -> SessionState:
    deadline = time.monotonic() + _PATIENCE
    while not true(_inspect(engine, session_id)):
        assert time.monotonic() < deadline, f"still {_inspect(engine, session_id)}"
        time.sleep(0.02)
    return _inspect(engine, session_id)
