"""What a base downloads becomes layers that compare hashes before anything is installed."""

import subprocess
from dataclasses import replace

import pytest

from trailmark.engines.recipe import render
from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.bases.model import Download
from trailmark.environments.whole.downloads import download_layer
from trailmark.environments.whole.recipe import recipe_of

from .test_recipe_of import BASE, MANAGERS, TOOLS, lock

DEB = Download("rstudio-server", "https://example.org/rstudio's.deb", "a" * 64, "deb", "rstudio")


def test_the_hash_is_compared_before_the_package_is_installed():
    run = download_layer(1, DEB).run
    checked = next(number for number, line in enumerate(run) if "sha256sum" in line)
    installed = next(
        number for number, line in enumerate(run) if line.endswith(".deb") and " install /" in line
    )
    assert "a" * 64 in run[checked]
    assert checked < installed


@pytest.mark.parametrize("kind", ["deb", "tar", "file"])
def test_the_script_is_one_that_a_shell_reads(kind):
    script = "\n".join(download_layer(1, replace(DEB, kind=kind)).run)
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0
    assert "'https://example.org/rstudio'\"'\"'s.deb'" in script


def test_an_image_of_such_a_base_has_them_before_pythons_packages():
    recipe = recipe_of(lock(base=replace(BASE, downloads=(DEB,))), MANAGERS, TOOLS)
    assert [layer.name for layer in recipe.layers] == ["tools", "download-1", "python"]
    assert "download-1" in render(recipe, programs={"uv": b""}).dockerfile


def test_the_base_with_rstudio_names_its_package_by_its_hash(tmp_path):
    [base] = [
        one.base
        for one in load_catalogue(tmp_path, ()).choose(tool="rstudio")
        if one.base.id == "r-tidyverse"
    ]
    [download] = [one for one in base.downloads if one.tool == "rstudio"]
    layer = download_layer(1, download)
    assert any(download.url in line for line in layer.run)
    assert any(download.sha256 in line for line in layer.run)
