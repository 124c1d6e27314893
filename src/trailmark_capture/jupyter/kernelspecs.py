"""Which kernels a person is offered: the project's environment, and what the system has; not our own."""

import shutil
import sys
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import RESOURCES
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_core.paths import SYSTEM_JUPYTER_PATH
from traitlets import Unicode

NATIVE = "python3"
# ZeroMQ drops what a kernel publishes once a subscriber is 1,000 messages behind, and a busy machine's is at once.
_BEHIND = 100_000
_PATIENT = (
    "(lambda iopub: iopub.schedule(lambda: iopub.socket.set_hwm(%d)))"
    "(__import__('ipykernel.kernelapp').kernelapp.IPKernelApp.instance().iopub_thread)"
) % _BEHIND


class EnvironmentKernelSpecManager(KernelSpecManager):  # type: ignore[misc]
    """Offers one Python: the interpreter of the project's environment, under the name python3."""

    python = Unicode(config=True, help="The interpreter of the project's environment.")
    display_name = Unicode("Python", config=True, help="What its kernel is called.")
    ensure_native_kernel = False

    def interpreter(self) -> Path:
        """Return the interpreter that a kernel started now runs in.

        `python` may lie behind a link that is moved when packages change. A kernel must not follow: it would
        import one half of a package from the old environment and the other from the new.
        """
        given = Path(self.python)
        return given.parent.parent.resolve() / given.parent.name / given.name

    def environment(self) -> str | None:
        """Return the digest of the environment that the link leads to now, None where there is no link.

        It stands beside the link; the folder is named by its part of the digest, which others may share.
        """
        folder = Path(self.python).parent.parent
        if not folder.is_symlink():
            return None
        try:
            return folder.with_name(folder.name + ".digest").read_text(encoding="ascii")
        except OSError:
            return folder.resolve().name

    def _kernel_dirs_default(self) -> list[str]:
        tool = Path(sys.prefix).resolve()
        environment = Path(self.python).parent.parent
        shares = [environment / "share" / "jupyter", *_beside_r(), *map(Path, SYSTEM_JUPYTER_PATH)]
        own = tool / "share" / "jupyter"
        return [str(share / "kernels") for share in dict.fromkeys(shares) if share.resolve() != own]

    def find_kernel_specs(self) -> dict[str, str]:
        """Return the kernels' names and resource folders."""
        return {**super().find_kernel_specs(), NATIVE: RESOURCES}

    def get_kernel_spec(self, kernel_name: str) -> Any:
        """Return a kernel's specification."""
        if kernel_name.lower() != NATIVE:
            return super().get_kernel_spec(kernel_name)
        return KernelSpec(
            argv=[
                str(self.interpreter()),
                *("-m", "ipykernel_launcher", "-f", "{connection_file}"),
                f"--IPKernelApp.code_to_run={_PATIENT}",
            ],
            name=NATIVE,
            display_name=self.display_name,
            language="python",
            resource_dir=RESOURCES,
            metadata={"debugger": True},
        )


def _beside_r() -> list[Path]:
    """Return where what R was installed with keeps kernels: conda's, in an image, are not the system's."""
    found = shutil.which("R")
    return [Path(found).parent.parent / "share" / "jupyter"] if found else []
