"""Where an environment is made, and where that was proved: this machine and each engine for images that answers."""

from __future__ import annotations

from dataclasses import dataclass

from trailmark.engines.daemon import KINDS
from trailmark.environments.whole.model import WholeLock
from trailmark.errors import TrailmarkError
from trailmark.pages.wording import filesize
from trailmark.projects.proofs import Proof
from trailmark.projects.standing import EnvironmentStanding
from trailmark.web.site import Site

_TITLES = {"local": "This machine", "docker": "Docker", "podman": "podman"}
_NO_BASE = "An image starts from a base: choose one first."


@dataclass(frozen=True)
class Place:
    """One engine. `made` says what is there of this lock, None when it has to be made; `proof` how it compared.

    `reason` says why nothing can be made there; `is_at_hand` whether the engine itself answers.
    """

    name: str
    title: str
    is_at_hand: bool
    made: str | None = None
    proof: Proof | None = None
    reason: str | None = None

    @property
    def can_make(self) -> bool:
        """Whether the environment can be made there, and is not."""
        return self.reason is None and self.made is None

    @property
    def can_prove(self) -> bool:
        """Whether it can be rebuilt there and compared."""
        return self.reason is None


def known_places(standing: EnvironmentStanding) -> tuple[Place, ...]:
    """Return what can be said without asking any engine: this machine, and where it was proved before."""
    proofs = {proof.engine: proof for proof in standing.proofs}
    others = (Place(name, engine_title(name), True, proof=proof, reason="") for name, proof in proofs.items())
    return (_local(standing), *(place for place in others if place.name != "local"))


def places_of(site: Site, standing: EnvironmentStanding) -> tuple[Place, ...]:
    """Return all engines that Trailmark knows, with what each has of the environment."""
    found = {engine.name: engine.reason for engine in site.services.list_engines()}
    others = (_container(site, standing, kind, found[kind]) for kind in KINDS if kind in found)
    return (_local(standing), *others)


def engine_title(name: str) -> str:
    """Return an engine's name as people write it."""
    return _TITLES.get(name, name)


def _local(standing: EnvironmentStanding) -> Place:
    made = "Installed" if standing.path else None
    reason = None if standing.lock else ""
    return Place("local", _TITLES["local"], True, made, _proof(standing, "local"), reason)


def _container(site: Site, standing: EnvironmentStanding, kind: str, reason: str | None) -> Place:
    title, proof, lock = engine_title(kind), _proof(standing, kind), standing.lock
    if reason is not None:
        return Place(kind, title, False, proof=proof, reason=reason)
    if lock is None or lock.base is None:
        return Place(kind, title, True, proof=proof, reason=_NO_BASE if standing.request.base is None else "")
    try:
        return Place(kind, title, True, _image_of(site, lock, kind), proof)
    except TrailmarkError as error:
        return Place(kind, title, False, proof=proof, reason=str(error))


def _image_of(site: Site, lock: WholeLock, kind: str) -> str | None:
    engine = site.services.containers_named(kind)
    image = engine.images.find(lock.digest) if engine else None
    return f"Image of {filesize(image.size)}" if image else None


def _proof(standing: EnvironmentStanding, engine: str) -> Proof | None:
    return next((one for one in standing.proofs if one.engine == engine), None)
