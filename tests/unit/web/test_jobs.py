"""Background jobs say where they stand, stop when asked, and fail with words."""

import threading
import time
from collections.abc import Callable

import pytest

from trailmark.errors import Cancelled, CommandFailed, InvalidInput, NotFound
from trailmark.progress import Progress
from trailmark.web.jobs import MOST_AT_ONCE, Job, Jobs


@pytest.fixture
def told() -> list[float]:
    return []


@pytest.fixture
def jobs(told: list[float]) -> Jobs:
    return Jobs(lambda: told.append(time.monotonic()))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def finished(jobs: Jobs, job: Job) -> Job:
    wait_for(lambda: not jobs.get(job.id).is_open)
    return jobs.get(job.id)


def test_a_job_shows_its_progress_and_leads_to_its_result(jobs: Jobs, told: list[float]) -> None:
    go_on = threading.Event()

    def work(progress: Progress) -> str:
        progress.step("Downloading", 0.25)
        progress.log("numpy 2.0")
        assert go_on.wait(5)
        return "/p/ada/x/"

    job = jobs.start("Making the environment", work, project="ada/x")
    wait_for(lambda: jobs.get(job.id).message == "Downloading")
    during = jobs.get(job.id)
    assert (during.state, during.percent, during.project) == ("running", 25, "ada/x")
    go_on.set()
    done = finished(jobs, job)
    assert (done.state, done.link, done.log) == ("done", "/p/ada/x/", ("Downloading", "numpy 2.0"))
    assert done.ended is not None
    assert len(told) >= 3


def test_a_failure_is_said_in_its_own_words_with_the_programs_output(jobs: Jobs) -> None:
    def work(progress: Progress) -> None:
        raise CommandFailed("uv found no versions that fit. Nothing was changed.", output="x needs y<2\ny>=3")

    failed = finished(jobs, jobs.start("Adding y", work))
    assert failed.state == "failed"
    assert failed.error == "uv found no versions that fit. Nothing was changed."
    assert failed.log == ("x needs y<2", "y>=3")


def test_an_unforeseen_failure_shows_no_traceback(jobs: Jobs) -> None:
    def work(progress: Progress) -> None:
        raise ZeroDivisionError("division by zero")

    failed = finished(jobs, jobs.start("Dividing", work))
    assert failed.state == "failed"
    assert "Traceback" not in str(failed)
    assert "division" not in str(failed)


@pytest.mark.parametrize("error", [Cancelled("Stopped."), InvalidInput("Half done.")])
def test_a_job_stops_when_asked(jobs: Jobs, error: Exception) -> None:
    def work(progress: Progress) -> None:
        while not progress.cancelled:
            time.sleep(0.005)
        raise error

    job = jobs.start("Waiting", work)
    wait_for(lambda: jobs.get(job.id).state == "running")
    assert jobs.cancel(job.id).stopping
    assert finished(jobs, job).state == "cancelled"


def test_jobs_wait_their_turn_and_can_be_stopped_while_they_wait(jobs: Jobs) -> None:
    go_on = threading.Event()

    def work(progress: Progress) -> None:
        assert go_on.wait(5)

    started = [jobs.start(f"Job {n}", work) for n in range(MOST_AT_ONCE)]
    wait_for(lambda: all(jobs.get(job.id).state == "running" for job in started))
    last = jobs.start("One more", work)
    assert jobs.get(last.id).state == "waiting"
    jobs.cancel(last.id)
    go_on.set()
    assert finished(jobs, last).state == "cancelled"


def test_jobs_are_listed_newest_first_and_by_project(jobs: Jobs) -> None:
    first = jobs.start("First", lambda _: None, project="ada/x")
    time.sleep(0.002)
    second = jobs.start("Second", lambda _: None, project="ada/y")
    assert [job.id for job in jobs.all()] == [second.id, first.id]
    assert [job.id for job in jobs.all("ada/x")] == [first.id]


def test_a_finished_job_can_be_dismissed_and_a_running_one_cannot(jobs: Jobs) -> None:
    go_on = threading.Event()

    def work(progress: Progress) -> None:
        assert go_on.wait(5)

    job = jobs.start("Work", work)
    jobs.dismiss(job.id)
    assert jobs.get(job.id).is_open
    go_on.set()
    finished(jobs, job)
    jobs.dismiss(job.id)
    with pytest.raises(NotFound):
        jobs.get(job.id)


def test_closing_stops_what_still_works(jobs: Jobs) -> None:
    def work(progress: Progress) -> None:
        while not progress.cancelled:
            time.sleep(0.005)
        raise Cancelled("Stopped.")

    job = jobs.start("Waiting", work)
    jobs.close()
    assert jobs.get(job.id).state == "cancelled"
