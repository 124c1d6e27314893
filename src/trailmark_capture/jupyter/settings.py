"""The configuration of a session's Jupyter server (pure)."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trailmark_capture.config import Config

_HERE = "trailmark_capture.jupyter"
_PACKAGE = Path(__file__).parents[1]


def render(
    config: Config,
    *,
    port: int,
    base_url: str,
    python: str | os.PathLike[str],
    name: str,
    page: str = "",
    hosts: Sequence[str] = (),
    package: Path = _PACKAGE,
) -> dict[str, Any]:
    """Return the server's traits. The kernel runs in `python` and shows the project's `name`.

    With a `page`, the server has no JupyterLab but terminals alone, and leads there. It answers requests for a
    loopback address and for one of `hosts`, and no others. `package` is where our capture lies for it.

    The environment's own extensions of JupyterLab (those of widgets, say) are offered as well. The layout of
    tabs belongs to the project; all else that a person sets in JupyterLab is the same in all projects.
    """
    environment = Path(python).parent.parent
    return {
        "ServerApp": {
            **_address(port, base_url, hosts),
            "root_dir": str(config.project),
            "terminado_settings": {"shell_command": ["bash", "--rcfile", str(package / "shell" / "rc.bash")]},
            "kernel_spec_manager_class": f"{_HERE}.kernelspecs.EnvironmentKernelSpecManager",
            "session_manager_class": f"{_HERE}.sessions.TrailSessionManager",
            "kernel_websocket_connection_class": f"{_HERE}.websocket.TrailConnection",
            **_extensions(page),
        },
        "AsyncMappingKernelManager": {"kernel_manager_class": f"{_HERE}.kernels.TrailKernelManager"},
        "AsyncIOLoopKernelRestarter": {"time_to_dead": 1.0},
        "EnvironmentKernelSpecManager": {"python": os.fspath(python), "display_name": f"Python ({name})"},
        "FileContentsManager": {"pre_save_hook": f"{_HERE}.saving.clean"},
        "TerminalsExtensionApp": {"terminal_manager_class": f"{_HERE}.terminals.TrailTerminalManager"},
        "LabApp": {
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "extension_manager": "readonly",
            "extra_labextensions_path": [
                str(package / "jupyter" / "labextension"),
                str(environment / "share" / "jupyter" / "labextensions"),
            ],
            "workspaces_dir": str(config.journal.parent / "workspaces"),
        },
    }


def _extensions(page: str) -> dict[str, Any]:
    if not page:
        return {"jpserver_extensions": {_HERE: True}}
    others = ("jupyterlab", "jupyter_lsp", "notebook_shim")
    wanted = {_HERE: True, "jupyter_server_terminals": True, **dict.fromkeys(others, False)}
    return {"jpserver_extensions": wanted, "default_url": "/" + page}


def _address(port: int, base_url: str, hosts: Sequence[str]) -> dict[str, Any]:
    return {
        "ip": "127.0.0.1",
        "port": port,
        "port_retries": 0,
        "base_url": base_url,
        "allow_remote_access": False,
        "local_hostnames": list(hosts),
        "allow_root": True,
        "open_browser": False,
    }
