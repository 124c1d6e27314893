"""Terminals that run in the project's environment, with the shell hook that writes down what is run."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_server_terminals.terminalmanager import TerminalManager

from trailmark_capture.jupyter.capture import current
from trailmark_capture.jupyter.environ import for_person
from trailmark_capture.jupyter.screens import Screen
from trailmark_capture.shell.environment import environment_for


class TrailTerminalManager(TerminalManager):
    """Starts shells that note their commands, and sees what those show."""

    def make_term_env(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        """Return the variables of a new terminal."""
        python = self.parent.kernel_spec_manager.interpreter()
        environ = for_person(super().make_term_env(*args, **kwargs), python, Path(sys.prefix))
        name = str(kwargs.get("name") or "terminal")
        return {**environ, **environment_for(current().config, name, environ)}

    def new_terminal(self, **kwargs: Any) -> Any:
        """Start a terminal in the project and watch its stream."""
        terminal = super().new_terminal(**{"cwd": str(current().config.project), **kwargs})
        screen = Screen(current().screens)
        terminal.clients.append(screen)
        terminal.ptyproc.write = _telling(screen, terminal.ptyproc.write)
        return terminal


def _telling(screen: Screen, write: Callable[[str], int]) -> Callable[[str], int]:
    def tell(text: str) -> int:
        screen.typed(text)
        return write(text)

    return tell
