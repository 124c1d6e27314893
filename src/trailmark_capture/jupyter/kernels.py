"""Kernels that run in the person's environment and are observed from their first message to their last."""

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

from trailmark_capture.jupyter.capture import Process, current
from trailmark_capture.jupyter.observer import Address

_PATIENCE = 5.0
_SESSION = "JPY_SESSION_NAME"


class TrailKernelManager(ServerKernelManager):  # type: ignore[misc]
    """Starts a kernel with the file shim, and tells the observer when it starts, restarts, stops."""

    _begun = 0.0

    def format_kernel_cmd(self, *args: Any, **kwargs: Any) -> Any:
        """Return the command of the process that is about to start, and note when that is."""
        self._begun = time.time()
        return super().format_kernel_cmd(*args, **kwargs)

    async def start_kernel(self, *args: Any, **kwargs: Any) -> Any:
        """Start the kernel in the person's environment and subscribe to it."""
        kernel_id = kwargs.get("kernel_id") or self.kernel_id
        kwargs["env"] = self._environ(kernel_id, kwargs.get("env") or os.environ)
        result = await super().start_kernel(*args, **kwargs)
        await _done(current().started(self.kernel_id, self._process(), self._language()))
        return result

    async def restart_kernel(self, *args: Any, **kwargs: Any) -> Any:
        """Restart the kernel in the environment as it is now; what it was doing is lost unless it answered."""
        self._kernel_spec = None
        session = {name: value for name, value in self._launch_args["env"].items() if name == _SESSION}
        kwargs["env"] = self._environ(self.kernel_id, {**os.environ, **session})
        # Only who watches for kernels that have died says whether new ports are wanted.
        crashed = "newports" in kwargs
        try:
            return await super().restart_kernel(*args, **kwargs)
        finally:
            await _done(current().restarted(self.kernel_id, self._process(), crashed=crashed))

    async def shutdown_kernel(self, *args: Any, **kwargs: Any) -> Any:
        """Stop the kernel; what it was doing is ended as lost unless it answered before."""
        try:
            return await super().shutdown_kernel(*args, **kwargs)
        finally:
            await _done(current().stopped(self.kernel_id))

    async def interrupt_kernel(self, *args: Any, **kwargs: Any) -> Any:
        """Interrupt the kernel."""
        current().interrupted(self.kernel_id)
        return await super().interrupt_kernel(*args, **kwargs)

    def update_env(self, *, env: dict[str, str]) -> None:
        """Take over the session's name for the next restart, and nothing of the server's own environment."""
        super().update_env(env={name: value for name, value in env.items() if name == _SESSION})

    def _environ(self, kernel_id: str, environ: Mapping[str, str]) -> dict[str, str]:
        return current().kernel_environment(kernel_id, environ, self.kernel_spec_manager.interpreter())

    def _process(self) -> Process:
        info = self.get_connection_info()
        separator = ":" if info["transport"] == "tcp" else "-"
        url = f"{info['transport']}://{info['ip']}{separator}{info['iopub_port']}"
        return Process(
            address=Address(url, bytes(self.session.key), self._pid()),
            begun=self._begun,
            environment=self.kernel_spec_manager.environment(),
        )

    def _pid(self) -> int | None:
        return self.provisioner.pid if isinstance(self.provisioner, LocalProvisioner) else None

    def _language(self) -> str:
        spec = self.kernel_spec
        return (spec.language if spec is not None else "") or "python"


async def _done(future: "Future[None] | None") -> None:
    if future is None:
        return
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.wrap_future(future), _PATIENCE)
