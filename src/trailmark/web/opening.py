"""From an address to the project that it names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from trailmark.errors import InvalidInput, NotFound
from trailmark.projects.names import check_project_name
from trailmark.projects.project import Project, open_project
from trailmark.settings import Settings
from trailmark.web.site import Here


def find_project(settings: Settings, owner: str, name: str) -> Project:
    """Open the project `owner/name`. Raises NotFound, for names that cannot be as well."""
    try:
        path = settings.projects / check_project_name(owner) / check_project_name(name)
        return open_project(path, settings)
    except (InvalidInput, NotFound) as error:
        raise NotFound(
            f"There is no project {owner}/{name} on this machine. It may have been renamed, or moved to the trash."
        ) from error


def _opened(site: Here, owner: str, name: str) -> Project:
    return find_project(site.services.settings, owner, name)


OpenProject = Annotated[Project, Depends(_opened)]
