"""The documentation is held to the code: commands, settings, files and links that it names must exist."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import click
import pytest

from trailmark import settings as trailmark_settings
from trailmark.activity import KINDS, STATUSES
from trailmark.cli.program import program
from trailmark.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
NOT_YET_DRAWN = "docs/images/"


def names(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def find_command(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and the words behind it. Fails for one that there is not."""
    command: click.Command = program
    while isinstance(command, click.Group):
        context = click.Context(command, info_name="trailmark")
        while words and words[0].startswith("-"):
            words = words[2:] if words[0] in ("-C", "--project") else words[1:]
        if not words or words[0] in ("COMMAND", "…"):
            return command, []
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command `{words[0]}`"
        command, words = found, words[1:]
    return command, words


def commands_in(text: str) -> list[str]:
    in_blocks = re.findall(r"^(?:\$ )?(?:\.venv/bin/)?trailmark (.+)$", text, re.MULTILINE)
    in_sentences = [re.sub(r"[\[\]]|…", "", words) for words in re.findall(r"`trailmark ([^`]+)`", text)]
    return [*in_blocks, *in_sentences]


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_commands_and_their_options_exist(page):
    for line in commands_in(text_of(page)):
        words = shlex.split(line.split("  #")[0].replace("\\", ""), comments=True)
        command, rest = find_command(words)
        known = {
            name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
        }
        for word in rest:
            if word == "--":
                break
            if word.startswith("-") and word != "-":
                assert word.split("=")[0] in known | {"--help", "-h"}, f"`trailmark {line}` has no {word}"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        path = (page.parent / target.partition("#")[0]).resolve()
        if NOT_YET_DRAWN in path.as_posix():
            continue
        assert path.exists(), f"{target} leads nowhere"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_pages_have_one_title_and_short_lines(page):
    text = text_of(page)
    assert text.startswith("# "), "a page begins with its title"
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"^# ", outside, re.MULTILINE)) == 1
    long = [line for line in outside.splitlines() if len(line) > 130 and not line.startswith(("|", "!"))]
    assert long == []


def every_command(group: click.Group, path: str = "trailmark") -> Iterator[tuple[str, click.Command]]:
    """Yield each command with the words that call it, groups included."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from every_command(command, f"{path} {name}")


def test_every_command_is_in_the_reference():
    page = text_of(ROOT / "docs/reference/commands.md")
    assert [path for path, _ in every_command(program) if f"`{path}" not in page] == []


def test_every_option_is_in_the_reference():
    page = text_of(ROOT / "docs/reference/commands.md")
    shared = {"--json", "--project", "--help"}
    missing = [
        f"{path} {option.opts[0]}"
        for path, command in every_command(program)
        for option in command.params
        if isinstance(option, click.Option)
        and not shared.intersection(option.opts)
        and not any(name in page for name in (*option.opts, *option.secondary_opts))
    ]
    assert missing == []


def test_every_setting_is_in_the_reference():
    page = text_of(ROOT / "docs/reference/settings.md")
    stored = {field.name for field in fields(Settings)} - {"home", "person"} | {"person.name", "person.email"}
    missing = [name for name in stored if f"`{name}`" not in page]
    assert missing == []
    for default in (Settings.max_file_bytes, Settings.max_output_bytes):
        assert f"{default:,}" in page


def test_the_example_of_the_settings_is_understood(tmp_path):
    example = re.search(r"```toml\n(.*?)```", text_of(ROOT / "docs/reference/settings.md"), re.DOTALL)
    assert example is not None
    (tmp_path / "settings.toml").write_text(example[1], encoding="utf-8")
    found = trailmark_settings.load({"TRAILMARK_HOME": str(tmp_path)})
    assert (found.owner, found.device, found.person.name) == ("ada", "desk", "Ada Lovelace")


def test_variables_of_the_reference_are_read_somewhere():
    page = text_of(ROOT / "docs/reference/settings.md")
    code = "".join(text_of(path) for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"`([A-Z_]{6,})`", page))
    assert {"TRAILMARK_HOME", "TRAILMARK_ACTOR"} <= named
    assert [name for name in named if f'"{name}"' not in code] == []


def test_kinds_and_statuses_are_in_the_reference():
    page = text_of(ROOT / "docs/reference/records.md")
    assert [word for word in (*KINDS, *STATUSES) if f"`{word}`" not in page] == []


def test_every_field_of_the_journal_is_in_the_reference():
    page = text_of(ROOT / "docs/reference/journal.md")
    readers = (ROOT / "src/trailmark/projects").glob("*.py")
    read = {name for path in readers for name in re.findall(r'entry(?:\.get\(|\[)"([a-z_]+)"', text_of(path))}
    assert {"id", "outputs", "reads"} <= read
    assert [name for name in sorted(read) if f"`{name}`" not in page] == []


def test_the_map_shows_every_folder():
    page = text_of(ROOT / "docs/explanation/architecture.md")
    parts = [
        path.name
        for path in (ROOT / "src/trailmark").iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and not path.name.startswith("__"))
    ]
    assert [name for name in parts if f"{name}/" not in page and name not in page] == []


def test_every_decision_is_listed():
    folder = ROOT / "docs/decisions"
    listed = text_of(folder / "README.md")
    records = [path.name for path in folder.glob("0*.md")]
    assert [name for name in records if f"({name})" not in listed] == []
    numbers = sorted(int(name[:4]) for name in records)
    assert numbers == list(range(1, len(numbers) + 1))


def test_targets_of_make_exist():
    makefile = text_of(ROOT / "Makefile")
    for page in PAGES:
        for target in re.findall(r"\bmake ([a-z]+)\b", text_of(page)):
            if f"`make {target}" in text_of(page) or f"\nmake {target}" in text_of(page):
                assert f"\n{target}:" in makefile, f"{names(page)}: make {target}"
