"""The client killed at any moment while somebody works with it: what it answered for is there, the next goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.stories.client_room import running

from trailmark.activity.store import trailers_of
from trailmark.activity.verify import verify
from trailmark.projects.catch_up import catch_up
from trailmark.projects.new import new_project
from trailmark.projects.project import Project, open_project
from trailmark.projects.sweep import sweep
from trailmark.settings import Settings
from trailmark.web.security import CSRF_FIELD, CSRF_HEADER, csrf_token

POINTS = int(os.environ.get("TRAILMARK_KILL_POINTS", "10"))
LONGEST_LIFE_SECONDS = 0.7
SECONDS_TO_ANSWER = 20.0
PAGES, API = "/p/ada/killed", "/api/projects/ada/killed"
NAMES = tuple(f"input/{number:02}.txt" for number in range(60))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
Files = Mapping[str, str]


@dataclass
class Known:
    """What was answered for: records, branches, and the files after each record that changed them.

    `wanted` is what the request that has no answer yet makes of `files`; of an upload perhaps only a part.
    """

    files: Files = field(default_factory=dict)
    wanted: Files = field(default_factory=dict)
    in_parts: bool = False
    records: set[str] = field(default_factory=set)
    branches: set[str] = field(default_factory=set)
    then: dict[str, Files] = field(default_factory=dict)
    number: int = 0


class Visitor:
    """Works with the client, one request after the other, until it does not answer."""

    def __init__(self, address: str, known: Known, chance: random.Random) -> None:
        self._http = httpx.Client(base_url=address.partition("/?")[0], timeout=SECONDS_TO_ANSWER)
        self._http.get(address)
        self._token = csrf_token(next(iter(self._http.cookies.values())))
        self._known, self._chance = known, chance
        self._verbs: list[Callable[[], None]] = [
            *(self.upload, self.note, self.begin_a_branch, self.delete),
            *(self.go_back, self.go_back, self.go_back),
        ]

    def work(self) -> None:
        """Do one thing after another until the client is gone."""
        try:
            while True:
                self._known.number += 1
                self._chance.choice(self._verbs)()
        except httpx.TransportError:
            self._http.close()

    def records(self) -> set[str]:
        """The records that the client lists."""
        return {line["id"] for line in self._ask("GET", f"{API}/records?limit=1000").json()}

    def upload(self) -> None:
        chosen = self._chance.sample(NAMES, self._chance.choice((1, 1, 3)))
        content = str(self._known.number)
        self._will_be({**self._known.files, **dict.fromkeys(chosen, content)}, in_parts=True)
        uploads = []
        for path in chosen:
            wanted = {"path": path, "size": len(content), "stamp": content}
            uploads.append(self._ask("POST", f"{API}/uploads", json=wanted).json()["id"])
            self._ask("PUT", f"{API}/uploads/{uploads[-1]}?offset=0", content=content)
        (record,) = self._ask("POST", f"{API}/uploads/finish", json={"uploads": uploads}).json()["records"]
        self._known.records.add(record)
        self._done()
        self._known.then[record] = self._known.files

    def note(self) -> None:
        wanted = {"text": f"Note {self._known.number}"}
        self._known.records.add(self._ask("POST", f"{API}/notes", json=wanted).json()["id"])

    def go_back(self) -> None:
        record = self._chance.choice(sorted(self._known.then))
        self._will_be(self._known.then[record])
        self._send(f"activity/{record}/rollback", sure="1")
        self._done()

    def begin_a_branch(self) -> None:
        name = f"try-{self._known.number}"
        self._send("branches/new", branch=name)
        self._known.branches.add(name)

    def delete(self) -> None:
        if self._known.files:
            path = self._chance.choice(sorted(self._known.files))
            self._will_be({name: text for name, text in self._known.files.items() if name != path})
            self._send("change/delete", path=path)
            self._done()

    def _will_be(self, files: Files, *, in_parts: bool = False) -> None:
        self._known.wanted, self._known.in_parts = files, in_parts

    def _done(self) -> None:
        self._known.files = self._known.wanted

    def _ask(self, method: str, address: str, **more: object) -> httpx.Response:
        answer = self._http.request(method, address, headers={CSRF_HEADER: self._token}, **more)  # type: ignore[arg-type]
        assert answer.is_success, (address, answer.text)
        return answer

    def _send(self, form: str, **fields: str) -> None:
        answer = self._http.post(f"{PAGES}/{form}", data={**fields, CSRF_FIELD: self._token})
        assert answer.status_code == 303, (form, answer.text)


@pytest.fixture
def project(settings: Settings) -> Project:
    return new_project("killed", settings)


class Target:
    """The process that forks the clients which are killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("client_target.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self) -> tuple[int, str]:
        """Start a client; return its process id and the address that it prints."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self.read()), str(json.loads(self.read())["url"])

    def read(self) -> str:
        """Return the next line that it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def end(self) -> None:
        """End it; the client must be gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@pytest.fixture
def target(home: Path) -> Iterator[Target]:
    started = Target()
    yield started
    started.end()


def test_killed_again_and_again_the_client_loses_nothing(
    target: Target, trailmark: list[str], project: Project
) -> None:
    known, chance = begun(project), random.Random(23)
    for _ in range(POINTS):
        pid, address = target.start()
        visitor = Visitor(address, known, chance)
        assert known.records <= visitor.records()
        killer = threading.Timer(chance.uniform(0.0, LONGEST_LIFE_SECONDS), os.kill, (pid, signal.SIGKILL))
        killer.start()
        visitor.work()
        killer.join()
        assert target.read() == "gone\n"
        check(project, known)
    with running(trailmark) as (_, address):
        assert known.records <= Visitor(address, known, chance).records()
    check_whole(project, known)


def begun(project: Project) -> Known:
    """Make two states that differ in every file, so that going from one to the other takes a while."""
    known = Known()
    for text in ("one", "two"):
        for path in NAMES:
            (project.path / path).write_text(text)
        recorded = sweep(project)
        assert recorded is not None
        known.files = known.wanted = known.then[recorded.id] = dict.fromkeys(NAMES, text)
        known.records.add(recorded.id)
    return known


def check(project: Project, known: Known) -> None:
    """Compare the files with what was answered for; what had no answer was done whole or not at all."""
    opened = open_project(project.path, project.settings)
    catch_up(opened)
    there = {path: (project.path / path).read_text() for path in NAMES if (project.path / path).exists()}
    if known.in_parts:
        parts = {path: {known.files.get(path), known.wanted.get(path)} for path in NAMES}
        assert all(there.get(path) in parts[path] for path in NAMES), (there, known)
    else:
        assert there in (known.files, known.wanted), (there, known)
    repository = opened.repository
    tree = repository.tree_of(repository.head())
    held = {path: repository.blob(entry.oid).decode() for path, entry in repository.iter_files(tree)}
    assert {path: text for path, text in held.items() if path in NAMES} == there
    assert known.branches <= {ref.removeprefix("refs/heads/") for ref in repository.refs("refs/heads/")}
    known.files = known.wanted = there


def check_whole(project: Project, known: Known) -> None:
    """Check the whole history: every record once, nothing damaged."""
    repository = open_project(project.path, project.settings).repository
    head = repository.head()
    assert head is not None
    named = Counter(trailers_of(commit.message).get("record") for commit in repository.iter_commits(head))
    assert not [record for record, times in named.items() if record and times > 1]
    assert known.records <= named.keys()
    assert len(known.records) > POINTS // 2
    assert verify(repository).problems == ()
    checked = subprocess.run(["git", "fsck", "--strict"], cwd=project.path, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
