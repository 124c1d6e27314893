"""The apps that a project names are read strictly."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.errors import InvalidInput
from trailmark.projects.apps import KINDS, read_apps


def apps(text: str):
    return read_apps(tomllib.loads(text).get("apps", []))


def test_an_app_has_its_own_command():
    [app] = apps(
        '[[apps]]\nname = "map"\ncommand = "python -m serve --port {port} \'a b\'"\nhealth = "/ready"\npatience = 90'
    )
    assert app.command == ("python", "-m", "serve", "--port", "{port}", "a b")
    assert (app.title, app.kind, app.health, app.patience) == ("map", "custom", "ready", 90)


@pytest.mark.parametrize(("kind", "file", "words"), [
    ("streamlit", "code/a.py", "python -m streamlit run code/a.py --server.port={port}"),
    ("voila", "code/a.ipynb", "python -m voila code/a.ipynb --no-browser --port={port}"),
    ("dash", "code/a.py", "python code/a.py"),
    ("shiny", "code/a.py", "python -m shiny run code/a.py --host=127.0.0.1 --port={port}"),
    ("shiny", "code/app", "Rscript -e"),
])  # fmt: skip
def test_an_app_of_a_kind_has_the_usual_command(kind, file, words):
    [app] = apps(f'[[apps]]\nname = "a"\nkind = "{kind}"\nfile = "{file}"')
    assert " ".join(app.command).startswith(words)


def test_a_project_without_apps_has_none():
    assert apps("") == ()


@pytest.mark.parametrize(("text", "wrong"), [
    ('apps = "x"', "list of tables"),
    ('[apps]\nname = "a"', "list of tables"),
    ('[[apps]]\ncommand = "x {port}"', "name"),
    ('[[apps]]\nname = "../a"\ncommand = "x {port}"', "name"),
    ('[[apps]]\nname = "a"', "command"),
    ('[[apps]]\nname = "a"\ncommand = "x"', "port"),
    ('[[apps]]\nname = "a"\ncommand = "x \'{port}"', "command"),
    ('[[apps]]\nname = "a"\ncommand = ["", "{port}"]', "program"),
    ('[[apps]]\nname = "a"\nkind = "flask"\nfile = "a.py"', "kind"),
    ('[[apps]]\nname = "a"\nkind = "dash"\nfile = "/etc/a.py"', "file"),
    ('[[apps]]\nname = "a"\nkind = "dash"\nfile = "../a.py"', "file"),
    ('[[apps]]\nname = "a"\nkind = "dash"\nfile = "-c"', "file"),
    ('[[apps]]\nname = "a"\nkind = "dash"\nfile = "a.py"\ncommand = "x {port}"', "file"),
    ('[[apps]]\nname = "a"\ncommand = "x {port}"\nhealth = "a b"', "health"),
    ('[[apps]]\nname = "a"\ncommand = "x {port}"\npatience = 0', "patience"),
    ('[[apps]]\nname = "a"\ncommand = "x {port}"\npatience = true', "patience"),
    ('[[apps]]\nname = "a"\ncommand = "x {port}"\npatience = nan', "patience"),
    ('[[apps]]\nname = "a"\ncommand = "x {port}"\nprot = 3', "prot"),
    ('[[apps]]\nname = "a"\ncommand = "x {port}"\n[[apps]]\nname = "a"\ncommand = "x {port}"', "Two apps"),
])  # fmt: skip
def test_what_is_wrong_is_named(text, wrong):
    with pytest.raises(InvalidInput, match=wrong):
        apps(text)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.lists(st.text(max_size=5), max_size=3)
)


KEYS = ["name", "kind", "title", "file", "command", "health", "patience", "x"]
APPS = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES | st.sampled_from(KINDS)), max_size=3)


@given(APPS | VALUES)
def test_no_apps_can_break_the_reader(value):
    try:
        found = read_apps(value)
    except InvalidInput as error:
        said = str(error)
    else:
        said = "trailmark.toml" if len(found) == len(value) else ""
    assert "trailmark.toml" in said
