"""Bases: read strictly, written as they were read, found in catalogues."""

import subprocess

import pytest

from trailmark.environments.bases import fetch
from trailmark.environments.bases.catalogue import OWN, SHIPPED, load_catalogue
from trailmark.environments.bases.fetch import fetch_catalogue
from trailmark.environments.bases.model import Debootstrap, LocalImage, RegistryImage
from trailmark.environments.bases.own import keep_base
from trailmark.environments.bases.read import parse_base
from trailmark.environments.bases.render import base_facts, content_digest, render_base
from trailmark.errors import AlreadyExists, InvalidInput, NotFound
from trailmark.git import transfer
from trailmark.progress import NullProgress

SMALL = 'id = "{}"\nrevision = {}\ntitle = "Small"\n[image]\nlocal = "small:1"\n'


def small(base_id="small", revision=1):
    return SMALL.format(base_id, revision)


def test_the_shipped_catalogue_has_what_people_begin_with(tmp_path):
    catalogue = load_catalogue(tmp_path)
    assert catalogue.problems == ()
    found = {one.base.id: one.base for one in catalogue.newest()}
    assert list(found) == [
        "python-minimal", "python-data-science", "r-minimal", "r-tidyverse", "python-r", "python-cuda",
    ]  # fmt: skip
    assert all(base.is_pinned and isinstance(base.source, RegistryImage) for base in found.values())
    assert found["python-cuda"].gpu is not None
    rstudio = found["r-tidyverse"].downloads[0]
    assert (rstudio.kind, rstudio.tool, rstudio.url[:8]) == ("deb", "rstudio", "https://")
    assert "tidyverse" in found["r-tidyverse"].manager("r").packages
    for base in found.values():
        assert ("IRkernel" in base.manager("r").packages) == ("r" in base.languages), "R runs in notebooks"


def test_filters(tmp_path):
    catalogue = load_catalogue(tmp_path)
    assert {one.base.id for one in catalogue.choose(language="r", tool="rstudio")} == {
        "r-tidyverse",
        "python-r",
    }
    assert [one.base.id for one in catalogue.choose(gpu=True)] == ["python-cuda"]
    assert catalogue.choose(language="julia") == ()
    assert (catalogue.languages(), "rstudio" in catalogue.tools()) == (("python", "r"), True)


def test_a_base_is_written_as_it_was_read(tmp_path):
    for one in load_catalogue(tmp_path).listed:
        assert parse_base(render_base(one.base), "again") == one.base
        assert base_facts(one.base)["pinned"]


def test_images_may_be_local_or_made_here():
    local = parse_base(small(), "x")
    assert local.source == LocalImage("small:1")
    assert not local.is_pinned
    made = parse_base(
        'id="d"\nrevision=1\ntitle="D"\n[debootstrap]\nsuite="bookworm"\ninclude=["python3"]\n'
        'snapshot="20240501T000000Z"\n',
        "x",
    )
    assert made.source == Debootstrap("bookworm", include=("python3",), snapshot="20240501T000000Z")
    assert made.is_pinned
    assert parse_base(render_base(made), "x") == made


def test_words_do_not_change_what_is_built_and_the_image_does(tmp_path):
    text = render_base(load_catalogue(tmp_path).get("r-tidyverse"))
    base = parse_base(text, "x")
    same = parse_base(text.replace("The description", "Other words").replace(base.title, "Other title"), "x")
    other = parse_base(text.replace("sha256:fd4c", "sha256:0000"), "x")
    file = parse_base(text.replace("1493188c", "00000000"), "x")
    assert content_digest(base) == content_digest(same)
    assert len({content_digest(one) for one in (base, other, file)}) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("revision = 1", "revision = 0"), "revision"),
        (("revision = 1", 'revision = "1"'), "revision"),
        (('id = "small"', 'id = "Small!"'), "id"),
        (('id = "small"\n', ""), "id"),
        (('local = "small:1"', 'reference = "UPPER"'), "image.reference"),
        (('local = "small:1"', 'local = "a"\ndigest = "sha256:12"'), "image.digest"),
        (("[image]", "colour = 1\n[image]"), "colour"),
        (("[image]", "[images]"), "image"),
        (("[image]", "[debootstrap]\nsuite='x'\n[image]"), "image"),
        (("[image]", "[managers.r]\nsnapshot='may'\n[image]"), "managers.r.snapshot"),
        (("[image]", "[managers.npm]\n[image]"), "managers.npm"),
        (("[image]", "[languages]\npython=3.12\n[image]"), "languages.python"),
        (("[image]", "[[downloads]]\nname='a'\nurl='http://x/y'\nsha256='1'\n[image]"), "downloads[1].url"),
        (("[image]", "tools=['a b']\n[image]"), "tools"),
    ],
)
def test_what_is_wrong_is_named(change, field):
    with pytest.raises(InvalidInput) as caught:
        parse_base(small().replace(*change), "small.toml")
    assert f"“{field}”" in str(caught.value)
    assert "small.toml" in str(caught.value)


def test_own_bases_and_folders_join_the_catalogue(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "a.toml").write_text(small("course", 1))
    (folder / "b.toml").write_text(small("course", 3))
    (folder / "c.toml").write_text(small("python-minimal", 9))
    (folder / "broken.toml").write_text("id =")
    catalogue = load_catalogue(tmp_path / "home", (str(folder), str(tmp_path / "gone")))
    assert catalogue.get("course").revision == 3
    assert catalogue.find("course", 1) is not None
    assert catalogue.find("course", 2) is None
    assert catalogue.get("python-minimal").revision == 1
    assert [
        word for word in ("broken.toml", "python-minimal", "gone") if word not in "".join(catalogue.problems)
    ] == []
    with pytest.raises(NotFound, match="python-minimal"):
        catalogue.get("nothing")


def test_what_is_kept_gets_the_next_revision(tmp_path):
    base = parse_base(small("mine", 7), "x")
    assert keep_base(tmp_path, base, load_catalogue(tmp_path)).revision == 1
    assert keep_base(tmp_path, base, load_catalogue(tmp_path)).revision == 2
    kept = [one for one in load_catalogue(tmp_path).listed if one.catalogue == OWN]
    assert [one.base.revision for one in kept] == [1, 2]
    with pytest.raises(AlreadyExists, match=SHIPPED):
        keep_base(tmp_path, parse_base(small("python-minimal"), "x"), load_catalogue(tmp_path))


def test_a_catalogue_by_git_address(tmp_path, monkeypatch):
    source = tmp_path / "source"
    (source / "bases").mkdir(parents=True)
    (source / "bases" / "one.toml").write_text(small("from-git", 2))
    (source / "README.md").write_text("x")
    git = ["git", "-C", str(source), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q", "-b", "trunk"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    address = "https://example.org/bases.git"
    before = load_catalogue(tmp_path, (address,))
    assert "--refresh" in before.problems[0]
    # The host is a folder here; all else is as it is with a host.
    monkeypatch.setattr(fetch, "find_head", lambda *_, **__: transfer.find_head_of_folder(source))
    monkeypatch.setattr(
        fetch, "fetch", lambda folder, _, progress, **__: transfer.fetch_folder(folder, source, progress)
    )
    fetch_catalogue(tmp_path, address, NullProgress())
    after = load_catalogue(tmp_path, (address,))
    assert after.problems == ()
    assert after.get("from-git").revision == 2
