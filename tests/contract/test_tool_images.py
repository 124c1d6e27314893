"""Every engine makes a tool once for a base, and puts it beside environments."""

import hashlib
import time

import pytest
from tests.containers import BASE

from trailmark.engines.daemon import Daemon
from trailmark.engines.images import Images
from trailmark.engines.recipe import Layer, Recipe
from trailmark.engines.tool_layer import TOOLS, digest_of, made_tool, with_tool
from trailmark.progress import NullProgress
from trailmark.testing.inside import run_inside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_a_tool_is_brought_to_an_environment(kind: str, request: pytest.FixtureRequest) -> None:
    daemon: Daemon = request.getfixturevalue(kind)
    images = Images(daemon)
    mark = str(time.time_ns())
    digest = hashlib.sha256(mark.encode()).hexdigest()
    run = [f"mkdir -p {TOOLS}/x/bin", f"printf '#!/bin/sh\\necho {mark}\\n' > {TOOLS}/x/bin/x"]
    recipe = made_tool(
        BASE, "x", (), [*run, f"ln -s x {TOOLS}/x/bin/y", f"chmod 755 {TOOLS}/x/bin/x", "touch /left"]
    )
    key = digest_of(recipe)
    environment = Recipe(BASE, (Layer("first", (f"echo {mark} > /srv/environment",)),))
    with_it = None
    try:
        parent = images.build(environment, digest, NullProgress())
        made = images.build(recipe, key, NullProgress(), programs={"uv": b"#!/bin/sh\n"}, origin="tool")
        assert images.find(key, "tool") == made
        with_it = with_tool(parent, "x", made, ())
        equipped = images.build(with_it, digest_of(with_it), NullProgress(), origin="equipped")
        told = run_inside(
            daemon, equipped.reference, ["/bin/sh", "-c", f"{TOOLS}/x/bin/y; cat /srv/environment"]
        )
        assert told.stdout.split() == [mark, mark]
        assert run_inside(daemon, equipped.reference, ["/usr/bin/test", "-e", "/left"]).code == 1
        assert run_inside(daemon, parent.reference, ["/usr/bin/test", "-e", TOOLS]).code == 1
        assert images.build(with_it, digest_of(with_it), NullProgress(), origin="equipped") == equipped
        # The environment is built again: what stands on it is, too.
        images.remove(digest)
        parent = images.build(Recipe(BASE, (Layer("second", ("true",)),)), digest, NullProgress())
        again = with_tool(parent, "x", made, ())
        renewed = images.build(again, digest_of(again), NullProgress(), origin="equipped")
        assert (renewed.reference, renewed.id == equipped.id) == (equipped.reference, False)
    finally:
        images.remove(digest)
        images.remove(key, "tool")
        if with_it is not None:
            images.remove(digest_of(with_it), "equipped")
