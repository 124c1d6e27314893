"""A session inside a container: the same capture, the same paths, and nothing else of this machine.

The project, its journal and the session's own folder lie inside where they lie outside, so that what capture writes
means the same on both sides. Git's folder is hidden, and what our own programs read to start from cannot be written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trailmark_capture
from trailmark.durable import write_file
from trailmark.engines import Limits, Mount, SessionSpec
from trailmark.engines.docker import DockerEngine
from trailmark.engines.recipe import CERTIFICATE_VARIABLES
from trailmark.engines.tool_layer import PREFIX
from trailmark.engines.trust import Trust, find_trust
from trailmark.environments.whole.recipe import PYTHON
from trailmark.environments.whole.resolve import Means
from trailmark.progress import Progress
from trailmark.projects.captured import inside as captured_inside
from trailmark.projects.image import ready_image
from trailmark.projects.project import Project
from trailmark.projects.secret_files import secret_files
from trailmark.projects.secrets import secret_values, secrets_path
from trailmark.projects.used import note_use
from trailmark.sessions.capture import capture_config, write_config
from trailmark.sessions.gated import MODULE, Surroundings, gate_variables, write_gate
from trailmark.sessions.hosts import hosts_of
from trailmark.sessions.known_user import Known, known_in, known_user
from trailmark.sessions.limits import limits_inside
from trailmark.sessions.prepare import new_session
from trailmark.sessions.session import Session, folder_of, write_session
from trailmark.sessions.tools import Tool
from trailmark.sessions.tools.inside import equip, program_in_image
from trailmark_capture.config import Config
from trailmark_capture.files import find_shim
from trailmark_capture.jupyter import settings as jupyter_settings

_CAPTURE = Path("/opt/trailmark-capture")
_OURS = (PREFIX, Path("/opt/trailmark-python"), _CAPTURE)
_CERTIFICATES = Path("/etc/trailmark-ca.crt")
_PASSED_ON = ("LANG", "LC_ALL", "TZ")


@dataclass(frozen=True)
class Inside:
    """Where a session runs: the engine's name, the image of the environment, and what it may use.

    `path` is where programs are looked for in the image; `listen` the address at which programs must listen; `user`
    whose ids they run under, as UID:GID; `known` whom the image knows besides.
    """

    engine: str
    image: str
    digest: str
    path: str
    listen: str
    user: str
    limits: Limits = field(default_factory=Limits)
    trust: Trust = field(default_factory=Trust)
    known: Known = field(default_factory=Known)

    @property
    def python(self) -> Path:
        """The interpreter of the project's environment."""
        return Path(PYTHON) / "bin" / "python"


def prepare_inside(
    project: Project, tool: Tool, engine: DockerEngine, means: Means, progress: Progress, *, actor: str
) -> tuple[Session, SessionSpec]:
    """Have the image of the project's environment, and all that a session in it needs; return the order to start it.

    Raises whatever `ready_image` and `equip` raise.
    """
    inside = find_inside(project, engine, means, progress, actor=actor, tool=tool)
    session = new_session(project, tool, engine.name, inside.digest)
    folder = folder_of(project.settings, session.id)
    config = write_inside(project, session, inside, actor)
    if tool.server == "gate":
        spec = _behind_gate(project, session, tool, inside)
        write_session(project.settings, session)
        return session, spec
    traits = jupyter_settings.render(
        config,
        port=session.port,
        base_url="/",
        python=inside.python,
        name=project.name,
        page=session.page,
        hosts=hosts_of(session.id),
        package=_CAPTURE / trailmark_capture.__name__,
    )
    traits["ServerApp"]["ip"] = inside.listen
    file = folder / "jupyter_server_config.json"
    file.write_text(json.dumps(traits, indent=1), encoding="utf-8")
    module = "trailmark_capture.jupyter.terminal_server" if session.page else "trailmark_capture.jupyter"
    env = {
        "JUPYTER_TOKEN": session.token,
        "JUPYTER_CONFIG_DIR": str(_kept(project) / "config"),
        "JUPYTER_DATA_DIR": str(_kept(project) / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "own" / "runtime"),
    }
    write_session(project.settings, session)
    return session, order(project, session, inside, (module, str(file)), env)


def _behind_gate(project: Project, session: Session, tool: Tool, inside: Inside) -> SessionSpec:
    """Write what the gate is told; return the order that starts it in the image, and the tool behind it."""
    around = Surroundings(
        program=program_in_image(tool),
        python=PREFIX / "bin" / "python",
        capture=_CAPTURE,
        data=_kept(project) / f"{tool.id}-data",
        listen=inside.listen,
        user=os.environ.get("USER", "me"),
        shared=_kept(project),
    )
    file = write_gate(project, session, tool, around)
    env = {
        **gate_variables(project, session, tool, around),
        "PATH": f"{inside.python.parent}:{inside.path}",
        "VIRTUAL_ENV": str(inside.python.parent.parent),
    }
    return order(project, session, inside, (MODULE, str(file)), env)


def find_inside(
    project: Project,
    engine: DockerEngine,
    means: Means,
    progress: Progress,
    *,
    actor: str,
    tool: Tool | None = None,
) -> Inside:
    """Return where the project's sessions run on an engine; its image is built first when there is none."""
    trust = find_trust(os.environ, project.settings.certificates)
    image = ready_image(project, engine, means, progress, trust=trust, actor=actor)
    environment = image.digest
    if tool is not None:
        image = equip(project, engine, image, tool, means, progress, trust=trust)
    note_use(project.settings, image.digest)
    return Inside(
        engine=engine.name,
        image=image.reference,
        digest=environment,
        path=image.path,
        listen=engine.listen_address,
        user=engine.daemon.user,
        limits=limits_inside(project, *engine.daemon.machine, progress),
        trust=trust,
        known=known_in(image, engine.daemon, project.settings.home / "cache" / "users"),
    )


def write_inside(project: Project, session: Session, inside: Inside, actor: str) -> Config:
    """Write what capture is told in the session's folder, and return it."""
    folder = folder_of(project.settings, session.id)
    return Config.load(write_config(folder, _capture(project, session, inside, actor)))


def order(
    project: Project,
    session: Session,
    inside: Inside,
    module: tuple[str, ...],
    env: Mapping[str, str],
    cwd: Path | None = None,
) -> SessionSpec:
    """Return the order that runs a module of capture's, with its arguments, in the image."""
    return SessionSpec(
        id=session.id,
        argv=(str(PREFIX / "bin" / "python"), "-P", "-m", *module),
        env={**_environment(project, session, inside, os.environ), **env},
        cwd=cwd or project.path,
        labels={"project": str(project.path), "tool": session.tool, "lock": session.environment or ""},
        limits=inside.limits,
        port=session.port or None,
        image=inside.image,
        mounts=_mounts(project, session, inside),
    )


def _capture(project: Project, session: Session, inside: Inside, actor: str) -> dict[str, Any]:
    """Return what capture is told. The recorder is outside, where it looks at the journal by itself."""
    config = capture_config(
        project,
        session=session.id,
        # The records of an app, whose id is app:NAME, say that it was an app.
        tool=session.tool.partition(":")[0],
        environment=inside.digest,
        environment_path=inside.python.parent.parent,
        base_prefix=None,
        actor=actor,
    )
    excluded = {*config["exclude"], *map(str, _OURS)}
    place = captured_inside(project.state)
    return {
        **config,
        "engine": inside.engine,
        "journal": str(place.journal),
        "files": str(place.files),
        "shell": str(place.shell),
        "shim": _shim(),
        "exclude": sorted(excluded),
        "nudge": None,
        "recorder": None,
    }


def _shim() -> str | None:
    found = find_shim()
    package = Path(trailmark_capture.__file__).parent
    built = Path(found).resolve() if found else None
    return str(_CAPTURE / "trailmark_capture" / built.relative_to(package)) if built else None


def _environment(
    project: Project, session: Session, inside: Inside, environ: Mapping[str, str]
) -> dict[str, str]:
    folder = folder_of(project.settings, session.id)
    own = folder / "own"
    certificates = (
        dict.fromkeys(CERTIFICATE_VARIABLES, str(_CERTIFICATES)) if inside.trust.certificates else {}
    )
    return {
        **{name: environ[name] for name in _PASSED_ON if name in environ},
        **inside.trust.proxies,
        **certificates,
        "HOME": str(own),
        "USER": environ.get("USER", "me"),
        "LOGNAME": environ.get("USER", "me"),
        **secret_values(project),
        **{file.name: str(file.placed(own)) for file in secret_files(project) if file.path is not None},
        "PYTHONPATH": str(_CAPTURE),
        "TRAILMARK_CAPTURE": str(folder / "capture.json"),
    }


def _kept(project: Project) -> Path:
    """Return the folder for what a person sets in JupyterLab: one for each project, for a session may write there."""
    return project.state / "contained"


def _mounts(project: Project, session: Session, inside: Inside) -> tuple[Mount, ...]:
    folder, place = folder_of(project.settings, session.id), captured_inside(project.state)
    written = (
        folder / "own",
        *(place.journal, place.files, place.shell, place.folder / "workspaces", _kept(project)),
    )
    for path in written:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    given = {
        file.path: file.placed(folder / "own") for file in secret_files(project) if file.path is not None
    }
    for target in given.values():
        _make_room(target, folder / "own")
    package = Path(trailmark_capture.__file__).parent
    mounts = [
        Mount(project.path, project.path),
        _hidden(project.path / ".git"),
        Mount(folder, folder, read_only=True),
        *(Mount(path, path) for path in written),
        Mount(package, _CAPTURE / package.name, read_only=True),
        *known_user(folder, inside.user, os.environ.get("USER", "me"), folder / "own", inside.known),
    ]
    if secrets_path(project).is_file():
        mounts.append(Mount(secrets_path(project), secrets_path(project), read_only=True))
    mounts += [Mount(path, target, read_only=True) for path, target in given.items()]
    if inside.trust.certificates:
        write_file(folder / "ca.crt", inside.trust.certificates)
        mounts.append(Mount(folder / "ca.crt", _CERTIFICATES, read_only=True))
    return tuple(mounts)


def _make_room(target: Path, home: Path) -> None:
    """Make an empty file, and the folders above it, where one is mounted below the home of a session.

    An engine would make them too, but as another user: nothing else could be written there.
    """
    if target.is_relative_to(home):
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.touch(mode=0o600)


def _hidden(git: Path) -> Mount:
    """Return what stands in the place of git's folder, or of the file that leads to it."""
    return Mount(None, git) if git.is_dir() else Mount(Path("/dev/null"), git, read_only=True)
