"""What stands around a page: who looks, which project, where in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trailmark.pages.links import Links

Theme = Literal["auto", "light", "dark"]
Tab = Literal["overview", "activity", "environment", "files", "branches", "settings"]


@dataclass(frozen=True)
class ProjectChoice:
    """One line of the project switcher."""

    owner: str
    name: str
    current: bool = False

    @property
    def href(self) -> str:
        """Where the project is."""
        return Links.of(self.owner, self.name).overview


@dataclass(frozen=True)
class Masthead:
    """The head of a project's pages. `live` says that JupyterLab runs; `notice` is shown once, above all.

    `others` is what else runs: other tools and apps.
    """

    owner: str
    name: str
    description: str = ""
    branch: str = "main"
    tab: Tab | None = None
    live: bool = False
    session_url: str | None = None
    session_id: str | None = None
    others: tuple[str, ...] = ()
    notice: str | None = None

    @property
    def links(self) -> Links:
        """The addresses of the project's pages."""
        return Links.of(self.owner, self.name)

    @property
    def tabs(self) -> tuple[tuple[Tab, str, str], ...]:
        """The pages of a project: key, label, address."""
        links = self.links
        return (
            ("overview", "Overview", links.overview),
            ("activity", "Activity", links.activity()),
            ("environment", "Environment", links.environment),
            ("files", "Files", links.files()),
            ("branches", "Branches", links.branches),
            ("settings", "Settings", links.settings),
        )


@dataclass(frozen=True)
class Frame:
    """What every page needs beside its own view model. Slots that are None are not shown.

    `events` is a server-sent-events address: each named event becomes a DOM event `tm:NAME` on the body.
    `jobs` is an address whose answer fills the tray of background jobs.
    """

    csrf: str = ""
    theme: Theme = "auto"
    person: str | None = None
    projects: tuple[ProjectChoice, ...] = ()
    project: Masthead | None = None
    events: str | None = None
    jobs: str | None = None
