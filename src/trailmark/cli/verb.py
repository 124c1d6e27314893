"""A command or a group of commands, with the two options that all of them share."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from trailmark.cli.invocation import Invocation

Function = Callable[..., Any]


def _take_project(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Invocation).project_name = value


def _take_json(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Invocation).json = True


def shared_options() -> list[click.Parameter]:
    """Return `-C` and `--json`, which may stand before or after the command's name."""
    project = click.Option(
        ["-C", "--project"],
        metavar="PROJECT",
        expose_value=False,
        callback=_take_project,
        help="Work on this project (a name or a folder) instead of the one you are in.",
    )
    as_json = click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=_take_json,
        help="Print the result as JSON, for programs.",
    )
    return [project, as_json]


class Verb(click.Command):
    """A command that understands the shared options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options()


def verb(name: str, **attributes: Any) -> Callable[[Function], Verb]:
    """Make a command of a function whose first argument is the Invocation; its docstring is the help."""

    def decorate(function: Function) -> Verb:
        return click.command(name, cls=Verb, **attributes)(click.pass_obj(function))

    return decorate


class LazyGroup(click.Group):
    """A group that knows the names and summaries of its commands, and imports a command when it is used.

    `sections` maps a heading to commands, each with one line that says what it does. A command lives in the
    module of its name, as the object `command` (`import`, a word of Python's own, lives in `import_`, and
    `save-base` in `save_base`).
    """

    def __init__(
        self, *args: Any, package: str, sections: Mapping[str, Mapping[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options()
        self.sections = sections
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the help page."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for a name that there is not."""
        if cmd_name not in self.list_commands(ctx):
            return None
        suffix = "_" if cmd_name == "import" else ""
        module = f"{cmd_name.replace('-', '_')}{suffix}"
        command = importlib.import_module(f"{self._package}.{module}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings without importing any of them."""
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl(list(commands.items()), col_max=20)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed; a near miss is answered with what was probably meant."""
        name = args[0]
        known = self.list_commands(ctx)
        if name in known or name.startswith("-"):
            return super().resolve_command(ctx, args)
        ctx.fail(_unknown(name, known, ctx.command_path))


def _unknown(name: str, known: Sequence[str], path: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean `{path} {near[0]}`?" if near else ""
    return f"There is no command {name!r}.{hint}"
