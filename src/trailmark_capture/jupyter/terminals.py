"""Terminals that run in the project's environment, with the shell hook that writes down what is run."""

import sys
from pathlib import Path
from typing import Any

from jupyter_server_terminals.terminalmanager import TerminalManager

from trailmark_capture.jupyter.environ import for_person


class TrailTerminalManager(TerminalManager):
    """Starts shells with the project's environment active."""

    def make_term_env(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        """Return the variables of a new terminal."""
        python = self.parent.kernel_spec_manager.interpreter()
        return for_person(super().make_term_env(*args, **kwargs), python, Path(sys.prefix))
