"""The only place that chooses which adapters this program uses."""

from collections.abc import Mapping
from dataclasses import dataclass

from trailmark import settings
from trailmark.engines import Engine, LocalEngine
from trailmark.environments.uv import Uv, find_uv
from trailmark.projects.project import Project
from trailmark.settings import Settings


@dataclass(frozen=True)
class Services:
    """Everything that the command line and the web client need, already chosen and ready."""

    settings: Settings
    engine: Engine
    uv: Uv

    def has_sessions(self, project: Project) -> bool:
        """Return whether a session runs on the project, or is about to."""
        return any(state.is_live for state in self.engine.list({"project": str(project.path)}))


def build(environ: Mapping[str, str]) -> Services:
    """Read the settings of `environ` and choose the adapters that fit them."""
    chosen = settings.load(environ)
    return Services(settings=chosen, engine=LocalEngine(chosen.home), uv=find_uv(environ))
