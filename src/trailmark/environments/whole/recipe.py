"""From a lock over all managers to the recipe of its image: pure but for what the managers' packages bring along."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import replace

from trailmark.engines.images import Image
from trailmark.engines.recipe import Fragment, Instruction, Layer, Recipe, render
from trailmark.environments.bases.model import Base, RegistryImage
from trailmark.environments.managers.model import Step
from trailmark.environments.model import LOCK_FILE_NAME
from trailmark.environments.whole.downloads import download_layer
from trailmark.environments.whole.model import WholeLock
from trailmark.environments.whole.resolve import Managers, manager_named
from trailmark.errors import InvalidInput

PYTHON = "/opt/python"
_CONDA_PYTHON = "/opt/conda/bin/python"
# System packages come first, for all else may need them; what changes most often comes last.
_ORDER = ("apt", "conda", "r")
TOOLS_LABEL = "trailmark.tools"
GROUND_LABEL = "trailmark.ground"
STEPS_LABEL = "trailmark.steps"
_PYTHON_LAYER = "python"
_MOST_STEPS = 10


def recipe_of(lock: WholeLock, managers: Managers, tools: Layer) -> Recipe:
    """Return the recipe: the base, the tools' layer, each manager's packages, what the base downloads, the snippets.

    Raises InvalidInput for a lock without a base, and Damaged for the text of a lock that cannot be read.
    """
    if lock.base is None:
        raise InvalidInput(
            "A container needs a base to start from, and this project has none. Choose one with `trailmark env "
            "base`, or work on this machine without a container. Nothing was changed."
        )
    layers: list[Layer | Fragment] = [tools]
    for name in _ORDER:
        if name in lock.others:
            manager = manager_named(managers, name)
            layers += map(_layer, manager.install_steps(manager.parse(lock.others[name].text)))
    layers += (download_layer(number, one) for number, one in enumerate(lock.base.downloads, start=1))
    if "conda" in lock.others:
        layers.append(Fragment("conda-path", (Instruction("ENV", 'PATH="/opt/conda/bin:$PATH"'),)))
    layers.append(_python(lock))
    layers += [Fragment(snippet.name, snippet.instructions, lock.digest) for snippet in lock.all_snippets]
    is_of_a_registry = isinstance(lock.base.source, RegistryImage)
    recipe = Recipe(image_of(lock.base), tuple(layers), is_of_a_registry=is_of_a_registry)
    return replace(recipe, labels={TOOLS_LABEL: tools.digest, GROUND_LABEL: _ground(recipe)})


def shortened(recipe: Recipe, before: Image) -> Recipe | None:
    """Return a recipe with the same result that starts from an earlier image, None when that one has another ground.

    Only Python's packages differ then, and uv takes away and puts in what changed. After a number of such steps
    everything is built anew, for each leaves in the image what it took away.
    """
    steps = int(before.labels.get(STEPS_LABEL, "0")) + 1
    last = recipe.layers[-1]
    same = before.labels.get(GROUND_LABEL) == recipe.labels[GROUND_LABEL]
    if not same or steps > _MOST_STEPS or not isinstance(last, Layer) or last.name != _PYTHON_LAYER:
        return None
    return Recipe(before.reference, (last,), {**recipe.labels, STEPS_LABEL: str(steps)})


def _ground(recipe: Recipe) -> str:
    """Return a digest over all of an image but Python's packages: its base, the other layers, the interpreter."""
    bare = tuple(
        replace(layer, files={}) if isinstance(layer, Layer) and layer.name == _PYTHON_LAYER else layer
        for layer in recipe.layers
    )
    rendered = render(replace(recipe, layers=bare), programs={"uv": b""})
    return hashlib.sha256(rendered.pack()).hexdigest()


def image_of(base: Base) -> str:
    """Return the name of a base's image as engines know it."""
    return base.engine_image


def _layer(step: Step) -> Layer:
    files = {path: text.encode() for path, text in step.files.items()}
    return Layer(step.name, step.run, files, step.caches, step.needs)


def _python(lock: WholeLock) -> Layer:
    """Return the layer of Python's packages, each compared with its hash; conda's own are there beside them."""
    wanted = ",".join(dict.fromkeys(text for text in (lock.python, lock.pip.requires_python) if text))
    venv = "uv venv --quiet --no-project --no-config"
    on_conda = (
        f"[ -e {PYTHON}/bin/python ] || [ ! -e {_CONDA_PYTHON} ] || "
        f"{venv} --system-site-packages --python {_CONDA_PYTHON} {PYTHON}"
    )
    return Layer(
        _PYTHON_LAYER,
        (
            "export UV_PYTHON_INSTALL_DIR=/opt/python-runtime UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy",
            *([on_conda] if "conda" in lock.others else []),
            f"[ -e {PYTHON}/bin/python ] || {venv} --python {shlex.quote(wanted)} {PYTHON}",
            f"uv pip sync --no-config --require-hashes --python {PYTHON}/bin/python {LOCK_FILE_NAME}",
        ),
        {LOCK_FILE_NAME: lock.pip.text.encode()},
        caches=("/var/cache/uv",),
        needs=("uv",),
    )
