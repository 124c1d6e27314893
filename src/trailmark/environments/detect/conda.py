"""Read conda's environment.yml, its names translated to those of the Python package index as well as they can be."""

import re
from dataclasses import dataclass
from functools import cache

import yaml  # type: ignore[import-untyped]
from packaging.utils import canonicalize_name

from trailmark.environments.catalogue import known_names
from trailmark.environments.detect.found import Found
from trailmark.environments.detect.others import FoundOther
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import parse_requirement
from trailmark.errors import InvalidInput

_SPEC = re.compile(r"^(?:[^\s:]+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(?P<rest>.*)$", re.DOTALL)
# conda's words for a channel of its maker's that needs a licence, and for no channels but those named.
_NO_CHANNELS = ("defaults", "nodefaults")
_BRACKET = re.compile(r"\bversion\s*=\s*['\"]?([^'\"\]]+)")

# conda's name → the name on the Python package index; None: not a Python package, needed by others only.
_NAMES: dict[str, str | None] = {
    "astropy-base": "astropy",
    "blas": None,
    "c-compiler": None,
    "ca-certificates": None,
    "compilers": None,
    "cudatoolkit": None,
    "cudnn": None,
    "cuda-toolkit": None,
    "cxx-compiler": None,
    "dask-core": "dask",
    "fenics": "fenics-dolfinx",
    "ffmpeg": None,
    "fortran-compiler": None,
    "gcc": None,
    "geos": None,
    "git": None,
    "gxx": None,
    "hdf5": None,
    "importlib_metadata": "importlib-metadata",
    "libgdal": None,
    "libgfortran": None,
    "libnetcdf": None,
    "libstdcxx-ng": None,
    "llvm-openmp": None,
    "make": None,
    "matplotlib-base": "matplotlib",
    "mkl": None,
    "mkl-service": None,
    "msgpack-python": "msgpack",
    "mysql-connector-c": None,
    "netcdf4": "netCDF4",
    "nodejs": None,
    "nomkl": None,
    "notebook": "notebook",
    "opencv": "opencv-python",
    "openblas": None,
    "openmpi": None,
    "openssl": None,
    "pandoc": None,
    "pip": None,
    "pillow": "pillow",
    "poppler": None,
    "proj": None,
    "psycopg2": "psycopg2-binary",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "pyqt": "PyQt5",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "python-igraph": "igraph",
    "python-kaleido": "kaleido",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-cuda": None,
    "pytorch-gpu": "torch",
    "pytorch-mutex": None,
    "pytorch_geometric": "torch-geometric",
    "ruamel_yaml": "ruamel.yaml",
    "seaborn-base": "seaborn",
    "setuptools": "setuptools",
    "snakemake-minimal": "snakemake",
    "spacy-model-en_core_web_sm": None,
    "sqlite": None,
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "texlive-core": None,
    "tk": None,
    "torchvision-cpu": "torchvision",
    "uv": None,
    "wheel": None,
    "xorg-libx11": None,
    "zlib": None,
}


def read_conda(text: str, source: str = "environment.yml") -> Found:
    """Return what an environment.yml asks for. Values stay text, so that 3.10 is not read as 3.1."""
    found = Found(source)
    try:
        content = _load(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        found.note(f"it is not valid YAML ({str(error).splitlines()[0] if str(error) else 'too deep'})")
        return found
    for entry in _list(content, "dependencies"):
        if isinstance(entry, str):
            _want(entry, found)
        elif isinstance(entry, dict):
            _want_pip(entry.get("pip"), found)
    return found


@dataclass(frozen=True)
class AskedOfConda:
    """What an environment.yml asks of conda, untranslated, and what of pip besides, with remarks on the latter."""

    source: str
    wanted: Wanted
    pip: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_conda_itself(text: str, source: str = "environment.yml") -> AskedOfConda | None:
    """Return what an environment.yml asks of conda itself; None when that is nothing.

    Its pip is left out: what that is to install is installed by uv.
    """
    found, by_pip = FoundOther(source, "conda"), Found(source)
    try:
        content = _load(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None
    for entry in _list(content, "dependencies"):
        if isinstance(entry, dict):
            _want_pip(entry.get("pip"), by_pip)
            continue
        match = _SPEC.match(entry.strip()) if isinstance(entry, str) and entry.isprintable() else None
        if match and match["name"].lower() != "pip":
            found.requirements.append(match[0])
    for channel in _list(content, "channels"):
        if isinstance(channel, str) and channel not in _NO_CHANNELS:
            found.channels.append(channel)
    if not found.requirements:
        return None
    return AskedOfConda(source, found.wanted(), tuple(map(str, by_pip.packages)), tuple(by_pip.notes))


def _load(text: str) -> object:
    return yaml.load(text, Loader=yaml.BaseLoader)  # builds only texts, lists and tables


def _list(content: object, key: str) -> list[object]:
    value = content.get(key) if isinstance(content, dict) else None
    return value if isinstance(value, list) else []


def _want_pip(entries: object, found: Found) -> None:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, str) and entry.startswith("-"):
            found.note(f"the pip line “{entry[:60]}” is not taken over")
        elif isinstance(entry, str):
            found.want(entry)


def _want(entry: str, found: Found) -> None:
    match = _SPEC.match(entry.strip())
    if not match:
        found.note(f"“{entry[:60]}” is not a package that Trailmark understands; it is left out")
        return
    name, specifier = match["name"].lower(), conda_specifier(match["rest"])
    if name == "python":
        if specifier:
            found.want_python(specifier)
    elif name.startswith("r-") or name in ("r", "r-base"):
        found.note(f"{name} is for R: ask conda for it, or R for the package itself")
    elif name.startswith("_") or (name in _NAMES and _NAMES[name] is None):
        return
    else:
        _want_python_package(name, specifier, match["rest"], found)


def _want_python_package(name: str, specifier: str | None, written: str, found: Found) -> None:
    target = _NAMES.get(name) or name
    if name not in _NAMES and canonicalize_name(name) not in _known():
        found.note(f"{name} is not known outside conda by that name: if you need it, ask conda for it")
        return
    try:
        parse_requirement(f"{target}{specifier or ''}")
    except InvalidInput:
        specifier = None
    if specifier is None and written.strip():
        found.note(f"the version “{written.strip()[:40]}” of {name} is not taken over")
    found.want(f"{target}{specifier or ''}")


def conda_specifier(written: str) -> str | None:
    """Return conda's version text as a standard specifier: empty for any, None when it has no like."""
    text = written.strip()
    bracket = _BRACKET.search(text) if text.startswith("[") else None
    if bracket:
        text = bracket[1].strip()
    elif text.startswith("["):
        return None
    text = re.sub(r"\s*([<>=!~,|])\s*", r"\1", text).split(" ")[0]
    if text in ("", "*"):
        return ""
    if "|" in text or "(" in text:
        return None
    return ",".join(_one(part) for part in text.split(",") if part)


def _one(part: str) -> str:
    if part.startswith(("==", ">", "<", "!=", "~=")):
        return part
    version, _, build = part.lstrip("=").partition("=")
    if build or "*" in version or not part.startswith("="):
        return f"=={version}"
    return f"=={version}.*"


@cache
def _known() -> frozenset[str]:
    return frozenset(known_names())
