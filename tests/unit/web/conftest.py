"""A client without a socket: the real application, asked directly."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from trailmark.engines import MemoryEngine
from trailmark.environments.uv import find_uv
from trailmark.settings import Settings
from trailmark.web.app import create_app
from trailmark.web.security import CSRF_FIELD, CSRF_HEADER, Door, csrf_token
from trailmark.wiring import Services

PORT = 8765


@dataclass
class Browser:
    """A browser that was let in, with the token that its forms carry."""

    app: FastAPI
    door: Door
    http: TestClient
    csrf: str = field(default="")

    base: str = f"http://127.0.0.1:{PORT}"

    def post(self, path: str, /, **fields: str | list[str]) -> httpx.Response:
        """Send a form, with the token that every form carries, and follow where it leads."""
        return self.http.post(path, data={**fields, CSRF_FIELD: self.csrf}, follow_redirects=True)

    @property
    def header(self) -> dict[str, str]:
        return {CSRF_HEADER: self.csrf}


@pytest.fixture
def door() -> Door:
    return Door(port=PORT)


@pytest.fixture
def services(settings: Settings) -> Services:
    return Services(settings=settings, engine=MemoryEngine(runs_anything=True), uv=find_uv(os.environ))


@pytest.fixture
def app(services: Services, door: Door) -> FastAPI:
    return create_app(services, door=door)


@pytest.fixture
def stranger(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False) as http:
        yield http


@pytest.fixture
def browser(app: FastAPI, door: Door, stranger: TestClient) -> Browser:
    answer = stranger.get(door.new_address())
    assert answer.status_code == 303
    token = stranger.cookies[door.cookie]
    return Browser(app, door, stranger, csrf_token(token))
