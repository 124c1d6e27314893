"""A project to work in."""

import pytest

from trailmark.activity import load
from trailmark.projects.new import new_project


@pytest.fixture
def project(settings):
    return new_project("work", settings)


@pytest.fixture
def write(project):
    """Write a file of the project as a person would, without telling anybody."""

    def write(path, content):
        whole = project.path / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(content if isinstance(content, bytes) else content.encode())
        return whole

    return write


@pytest.fixture
def read(project):
    """Return the record of what was recorded."""

    def read(recorded):
        return load(project.repository, recorded.id).record

    return read


@pytest.fixture
def files(project):
    """Return the files that the project's newest commit holds."""

    def files():
        repository = project.repository
        tree = repository.tree_of(repository.head())
        return {path: repository.blob(entry.oid) for path, entry in repository.iter_files(tree)}

    return files
