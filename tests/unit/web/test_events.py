"""Open pages hear of news; a page that went away costs nothing."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from trailmark.projects.new import new_project
from trailmark.settings import Settings
from trailmark.web.events import Events
from trailmark.web.watch import records_mark, sessions_mark

FAST = 0.01


async def next_event(stream: AsyncIterator[str]) -> str:
    async with asyncio.timeout(5):
        while True:
            text = await anext(stream)
            if text.startswith("event: "):
                return text.removeprefix("event: ").split("\n")[0]


async def settle() -> None:
    await asyncio.sleep(5 * FAST)


def touch(path: Path) -> None:
    at = time.time_ns() + 10**9
    os.utime(path, ns=(at, at))


def test_a_page_hears_that_its_project_has_a_new_record(settings: Settings) -> None:
    project = new_project("x", settings)
    other = new_project("y", settings)

    async def story() -> None:
        events = Events(settings.home, poll_seconds=FAST)
        mine, others = events.stream(project.path), events.stream(other.path)
        await anext(mine)
        await anext(others)
        await settle()
        touch(project.path / ".git" / "refs" / "trailmark" / "records" / settings.device)
        assert await next_event(mine) == "records"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5 * FAST):
                await anext(others)
        events.close()

    asyncio.run(story())


def test_pages_hear_of_sessions_and_jobs(settings: Settings) -> None:
    async def story() -> None:
        events = Events(settings.home, poll_seconds=FAST)
        stream = events.stream(None)
        await anext(stream)
        await settle()
        session = settings.home / "sessions" / "01"
        session.mkdir(parents=True)
        (session / "session.json").write_text("{}")
        assert await next_event(stream) == "session"
        events.tell_all("jobs")
        assert await next_event(stream) == "jobs"
        events.close()

    asyncio.run(story())


def test_the_watcher_stops_when_nobody_listens_and_starts_again(settings: Settings) -> None:
    async def story() -> None:
        events = Events(settings.home, poll_seconds=FAST)
        for _ in range(2):
            stream = events.stream(None)
            await anext(stream)
            assert events.is_watching
            await stream.aclose()
            for _ in range(100):
                if not events.is_watching:
                    break
                await asyncio.sleep(FAST)
            assert not events.is_watching

    asyncio.run(story())


def test_closing_ends_every_stream(settings: Settings) -> None:
    async def story() -> None:
        events = Events(settings.home, poll_seconds=FAST)
        stream = events.stream(None)
        await anext(stream)
        events.close()
        async with asyncio.timeout(5):
            assert [text async for text in stream] == []

    asyncio.run(story())


def test_marks_tell_apart_what_changed(settings: Settings) -> None:
    project = new_project("x", settings)
    before = records_mark(project.path)
    assert records_mark(project.path) == before
    (project.path / "README.md").write_text("another", encoding="utf-8")
    assert records_mark(project.path) == before
    touch(project.path / ".git" / "HEAD")
    assert records_mark(project.path) != before
    assert sessions_mark(settings.home) == ()


def test_what_happened_between_the_page_and_its_stream_is_told_at_once(settings: Settings) -> None:
    project = new_project("x", settings)

    async def story() -> None:
        events = Events(settings.home, poll_seconds=FAST)
        seen = events.seen(project.path)
        current = events.stream(project.path, seen)
        await anext(current)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5 * FAST):
                await anext(current)
        touch(project.path / ".git" / "HEAD")
        late = events.stream(project.path, seen)
        await anext(late)
        assert {await next_event(late), await next_event(late)} == {"records", "session"}
        events.close()

    asyncio.run(story())
