"""The configuration of a session's Jupyter server (pure)."""

from typing import Any

from trailmark_capture.jupyter.seams import Config

_HERE = "trailmark_capture.jupyter"


def render(config: Config, *, port: int, base_url: str, python: str, environment: str) -> dict[str, Any]:
    """Return the server's traits. `environment` is what the kernel's name shows: the project's name."""
    return {
        "ServerApp": {
            "ip": "127.0.0.1",
            "port": port,
            "port_retries": 0,
            "base_url": base_url,
            "root_dir": str(config.project),
            "open_browser": False,
            "allow_remote_access": False,
            "allow_root": True,
            "kernel_spec_manager_class": f"{_HERE}.kernelspecs.EnvironmentKernelSpecManager",
            "session_manager_class": f"{_HERE}.sessions.TrailSessionManager",
            "kernel_websocket_connection_class": f"{_HERE}.websocket.TrailConnection",
            "jpserver_extensions": {_HERE: True},
        },
        "MappingKernelManager": {"kernel_manager_class": f"{_HERE}.kernels.TrailKernelManager"},
        "AsyncMappingKernelManager": {"kernel_manager_class": f"{_HERE}.kernels.TrailKernelManager"},
        "EnvironmentKernelSpecManager": {"python": python, "display_name": f"Python ({environment})"},
        "LabApp": {
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "extension_manager": "readonly",
        },
    }
