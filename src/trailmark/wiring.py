"""The only place that chooses which adapters this program uses."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trailmark import settings
from trailmark.engines import Engine, LocalEngine
from trailmark.engines.daemon import KINDS, Daemon, find_daemon
from trailmark.engines.docker import DockerEngine
from trailmark.engines.image_files import read_files
from trailmark.engines.images import Images
from trailmark.engines.machine import Check, examine
from trailmark.engines.several import SeveralEngines
from trailmark.engines.trust import Trust, find_trust
from trailmark.environments.interpreter import list_interpreters
from trailmark.environments.managers.apt import Apt
from trailmark.environments.managers.apt_base import BaseSystems, ReadImage
from trailmark.environments.managers.conda import Conda
from trailmark.environments.managers.r import R
from trailmark.environments.managers.r_own import OwnRs
from trailmark.environments.uv import Uv, find_uv
from trailmark.environments.whole.resolve import Managers, Means
from trailmark.errors import CommandFailed, InvalidInput, NotFound, TrailmarkError, Unavailable
from trailmark.progress import Progress
from trailmark.projects.project import Project
from trailmark.sessions.stop import statuses
from trailmark.settings import Settings
from trailmark_capture.files import find_shim


@dataclass(frozen=True)
class EngineFound:
    """An engine that Trailmark knows; `reason` says why it cannot be used here, None when it can."""

    name: str
    reason: str | None
    is_default: bool = False


@dataclass(frozen=True)
class Services:
    """Everything that the command line and the web client need, already chosen and ready."""

    settings: Settings
    engine: Engine
    uv: Uv
    managers: Managers = field(default_factory=dict)

    @property
    def means(self) -> Means:
        """What environments are resolved with."""
        return Means(self.uv, self.managers)

    @property
    def trust(self) -> Trust:
        """The certificates and proxies that builds and sessions in containers are given. Raises InvalidInput."""
        return find_trust(self.uv.environ, self.settings.certificates)

    def engine_named(self, name: str | None) -> Engine:
        """Return the engine of a name; without one, the engine that is used by default.

        Raises InvalidInput for a name that there is not, Unavailable where no such engine answers.
        """
        if name in (None, self.engine.name):
            return self.engine
        if name not in KINDS or not isinstance(self.engine, SeveralEngines):
            known = ", ".join((self.engine.name, *KINDS))
            raise InvalidInput(f"There is no engine “{name}”. Trailmark knows: {known}.")
        engine = self.engine.on(name)
        # Whether it answers is seen when it is looked for, before anything is begun.
        _ = engine.chosen
        return engine

    def engine_for(self, project: Project, name: str | None = None) -> Engine:
        """Return the engine of a name; without one, that of the settings, else the one that fits the project.

        What starts from a base runs in a container where an engine for those answers, all else on this machine.
        Raises as `engine_named`.
        """
        name = name or self.settings.engine
        if name is None and _has_base(project):
            for kind in KINDS if isinstance(self.engine, SeveralEngines) else ():
                with contextlib.suppress(Unavailable):
                    return self.engine_named(kind)
        return self.engine_named(name)

    def containers_named(self, name: str | None) -> DockerEngine | None:
        """Return the engine of a name if it runs containers, None for this machine. Raises as `engine_named`."""
        return self.engine_named(name).containers

    def list_engines(self) -> list[EngineFound]:
        """Return the engines that Trailmark knows, the default first, each with the reason why it does not answer."""
        found = [EngineFound(self.engine.name, None, is_default=True)]
        for name in KINDS:
            try:
                # Only a daemon that is asked for its interface shows whether it answers.
                _ = find_daemon(self.uv.environ, name).api
                found.append(EngineFound(name, None))
            except TrailmarkError as error:
                found.append(EngineFound(name, str(error)))
        return found

    def container_engines(self) -> list[DockerEngine]:
        """Return the engines for containers that answer on this machine."""
        found = []
        for name in KINDS if isinstance(self.engine, SeveralEngines) else ():
            with contextlib.suppress(Unavailable):
                found.append(self.containers_named(name))
        return [engine for engine in found if engine is not None]

    def has_sessions(self, project: Project) -> bool:
        """Return whether a session runs on the project, or is about to."""
        return bool(statuses(self.settings, self.engine, project))

    def examine(self) -> tuple[Check, ...]:
        """Look at this machine and return what it has and lacks."""
        return examine(
            self.settings.home,
            environ=self.uv.environ,
            shim=lambda: None if find_shim() else "partial: Python's own reports and a file watcher",
            pythons=lambda: [found.version for found in list_interpreters(self.uv)],
        )


def _has_base(project: Project) -> bool:
    try:
        return project.manifest().base is not None
    except InvalidInput:
        # What is wrong with it is said by whoever needs it.
        return False


def build(environ: Mapping[str, str]) -> Services:
    """Read the settings of `environ` and choose the adapters that fit them."""
    chosen = settings.load(environ)
    uv = find_uv(environ)
    return Services(settings=chosen, engine=_engines(chosen, uv), uv=uv, managers=_managers(chosen, uv))


def _engines(chosen: Settings, uv: Uv) -> SeveralEngines:
    """Return the engines; one for containers is looked for when it is asked for."""

    def find(name: str) -> DockerEngine:
        daemon = find_daemon(uv.environ, name)
        _ = daemon.api
        return DockerEngine(chosen.home, daemon)

    return SeveralEngines(chosen.home, LocalEngine(chosen.home), KINDS, find)


def _managers(chosen: Settings, uv: Uv) -> Managers:
    """Return the package managers beside pip; each loads what it works with when it is first asked."""
    kept = chosen.home / "cache"
    read = _image_reader(uv.environ, chosen.certificates)
    return {
        "conda": Conda(kept / "conda"),
        "apt": Apt(kept / "apt", system_of=BaseSystems(kept / "bases", read)),
        "r": R(kept / "r", repositories=chosen.r_repositories, own=OwnRs(kept / "r", uv.environ, read)),
    }


def _image_reader(environ: Mapping[str, str], certificates: Path | None) -> ReadImage:
    """Return what reads files of a base's image, by the first engine that answers."""

    def read(
        image: str, first: Sequence[str], paths: Sequence[str], progress: Progress
    ) -> Mapping[str, bytes]:
        daemon = _answering(environ)
        try:
            Images(daemon).fetch(image, progress)
            trust = find_trust(environ, certificates)
            return read_files(daemon, image, paths, first=first, trust=trust, progress=progress)
        except (NotFound, CommandFailed) as error:
            raise Unavailable(f"The base's image could not be looked into. {error}") from error

    return read


def _answering(environ: Mapping[str, str]) -> Daemon:
    """Return an engine for containers that answers. Raises Unavailable with the last one's reason."""
    for name in KINDS[:-1]:
        with contextlib.suppress(Unavailable):
            daemon = find_daemon(environ, name)
            _ = daemon.api
            return daemon
    daemon = find_daemon(environ, KINDS[-1])
    _ = daemon.api
    return daemon
