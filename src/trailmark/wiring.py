"""The only place that chooses which adapters this program uses."""

from collections.abc import Mapping
from dataclasses import dataclass

from trailmark import settings
from trailmark.environments.uv import Uv, find_uv
from trailmark.settings import Settings


@dataclass(frozen=True)
class Services:
    """Everything that the command line and the web client need, already chosen and ready."""

    settings: Settings
    uv: Uv


def build(environ: Mapping[str, str]) -> Services:
    """Read the settings of `environ` and choose the adapters that fit them."""
    return Services(settings=settings.load(environ), uv=find_uv(environ))
