"""Tiny packages, and an index made of a folder of them, so that tests of environments need no network."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_LONG_AGO = (2020, 1, 1, 0, 0, 0)


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    python: str = "",
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a pure Python wheel and return its path; the same arguments give the same bytes."""
    module = name.replace("-", "_").replace(".", "_")
    facts = f"{module}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Python: {python}"] if python else []
    metadata += [f"Requires-Dist: {requirement}" for requirement in requires]
    content = {
        f"{module}/__init__.py": f"__version__ = {version!r}\n",
        **(files or {}),
        f"{facts}/METADATA": "\n".join(metadata) + "\n",
        f"{facts}/WHEEL": "Wheel-Version: 1.0\nGenerator: trailmark\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_hash(text)},{len(text.encode())}" for path, text in content.items()]
    content[f"{facts}/RECORD"] = "\n".join([*record, f"{facts}/RECORD,,"]) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path, _LONG_AGO), text)
    return target


def write_index(folder: Path) -> Path:
    """Write a folder of a few packages that need each other, ipykernel's name among them."""
    write_wheel(folder, "ipykernel", "7.0")
    write_wheel(folder, "alpha", "1.0")
    write_wheel(folder, "alpha", "2.0", requires=["beta>=1"])
    write_wheel(folder, "beta", "1.0")
    write_wheel(folder, "beta", "2.0")
    write_wheel(folder, "gamma", "1.0", requires=["beta<2"])
    write_wheel(folder, "on-mac", "1.0", requires=["beta; sys_platform == 'darwin'"])
    write_wheel(folder, "futuristic", "1.0", python=">=3.99")
    return folder


def offline(index: Path, cache: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which uv knows only the packages of the folder `index`."""
    settings = index.parent / f"{index.name}-uv.toml"
    settings.write_text(f'no-index = true\nfind-links = ["{index}"]\noffline = true\n', encoding="utf-8")
    kept = {name: value for name, value in environ.items() if not name.startswith("UV_")}
    return {**kept, "UV_CONFIG_FILE": str(settings), "UV_CACHE_DIR": str(cache)}


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
