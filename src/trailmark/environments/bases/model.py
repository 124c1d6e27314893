"""What a base is: pure values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from trailmark.environments.snippets import Snippet

MANAGERS = ("pip", "conda", "apt", "r")
LANGUAGES = ("python", "r", "julia", "bash")


@dataclass(frozen=True)
class RegistryImage:
    """An image of a registry. Without its digest it is not pinned: what it names may change."""

    reference: str
    digest: str | None = None

    @property
    def pinned(self) -> str:
        """The reference as an engine takes it, with the digest when there is one."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


@dataclass(frozen=True)
class LocalImage:
    """An image that was built on this machine, by the name it has there; `digest` is its id when known."""

    name: str
    digest: str | None = None


@dataclass(frozen=True)
class Debootstrap:
    """How to make an image of Debian's packages: a suite, and what is in it from the start.

    `snapshot` is the moment of the archive that it is made from, such as 20240501T000000Z.
    """

    suite: str
    variant: str = "minbase"
    include: tuple[str, ...] = ()
    components: tuple[str, ...] = ("main",)
    snapshot: str | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 over the recipe: another one makes another image."""
        facts = [self.suite, self.variant, self.include, self.components, self.snapshot]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


Source = RegistryImage | LocalImage | Debootstrap


@dataclass(frozen=True)
class Download:
    """A file that is fetched by its address and checked by its hash, such as RStudio's package."""

    name: str
    url: str
    sha256: str
    kind: str = "deb"
    tool: str | None = None


@dataclass(frozen=True)
class ManagerPart:
    """What a base says of one package manager.

    `preinstalled` is in the image already (“NAME” or “NAME VERSION”); `packages` is what the base brings besides:
    it is resolved and locked with what the project asks for.
    """

    preinstalled: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    snapshot: str | None = None


@dataclass(frozen=True)
class Gpu:
    """Which CUDA is in the image. Without `required` it also works on a machine that has no GPU."""

    cuda: str
    required: bool = False


@dataclass(frozen=True)
class Base:
    """One described starting point, in one revision.

    The languages have their versions; the snippets are carried out with the project's own.
    """

    id: str
    revision: int
    title: str
    description: str
    source: Source
    icon: str = "environment"
    licence: str = ""
    architectures: tuple[str, ...] = ("amd64",)
    languages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tools: tuple[str, ...] = ()
    managers: Mapping[str, ManagerPart] = field(default_factory=lambda: MappingProxyType({}))
    downloads: tuple[Download, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    gpu: Gpu | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether the image is exactly one: named by its digest, or made of a dated archive."""
        match self.source:
            case Debootstrap():
                return self.source.snapshot is not None
            case _:
                return self.source.digest is not None

    @property
    def image(self) -> str:
        """The image in a few words, for a person."""
        match self.source:
            case RegistryImage():
                return self.source.reference
            case LocalImage():
                return f"{self.source.name} (built on this machine)"
            case Debootstrap():
                return f"Debian {self.source.suite} (made here by debootstrap)"

    @property
    def engine_image(self) -> str:
        """The image as engines name it; one that is made here carries the revision and a digest of its recipe."""
        match self.source:
            case RegistryImage():
                return self.source.pinned
            case LocalImage():
                return self.source.name
            case Debootstrap():
                return f"trailmark/base-{self.id}:{self.revision}-{self.source.digest[:16]}"

    def manager(self, name: str) -> ManagerPart:
        """Return what it says of a manager; an empty part for one that it does not name."""
        return self.managers.get(name, ManagerPart())
