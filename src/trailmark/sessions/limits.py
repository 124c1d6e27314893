"""What a session may use of a machine: what its project asks for, as far as there is so much."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace

from trailmark.engines import Limits
from trailmark.errors import InvalidInput
from trailmark.progress import Progress
from trailmark.projects.project import Project

_GIGABYTE = 10**9


def wanted_limits(project: Project) -> Limits:
    """Return what a session of the project may use by its manifest. Raises InvalidInput."""
    wanted = project.manifest().resources
    return Limits(wanted.memory_bytes, wanted.cpus, wanted.shared_memory_bytes, wanted.gpu)


def limits_inside(project: Project, cpus: int, memory_bytes: int, progress: Progress) -> Limits:
    """Return what a session in a container may use of an engine's machine, and tell where that is less than asked."""
    limits, told = fit(wanted_limits(project), cpus, memory_bytes)
    for line in told:
        progress.step(line)
    return limits


def limits_here(project: Project, progress: Progress) -> Limits:
    """Return what a session that is a process of this machine may use, and tell which limits do not hold."""
    limits = Limits()
    with contextlib.suppress(InvalidInput):
        limits = wanted_limits(project)
    can_choose = hasattr(os, "sched_setaffinity")
    there = len(os.sched_getaffinity(0)) if can_choose else os.cpu_count() or 1
    limits, told = fit(limits, there, None)
    if limits.memory_bytes is not None:
        told.append(f"On this machine itself, each program may use {_size(limits.memory_bytes)} by itself.")
    if limits.cpus is not None and not can_choose:
        told.append("How many processors a session uses is not limited on this machine itself.")
    if limits.shared_memory_bytes is not None:
        told.append("Shared memory is not limited on this machine itself.")
    for line in told:
        progress.step(line)
    return limits


def fit(limits: Limits, cpus: int, memory_bytes: int | None) -> tuple[Limits, list[str]]:
    """Return limits that a machine can give, and what to tell of those that it cannot (pure)."""
    told = []
    if limits.cpus is not None and limits.cpus > cpus:
        told.append(
            f"The project asks for {limits.cpus:g} processors; this machine has {cpus}, and gives them."
        )
        limits = replace(limits, cpus=float(cpus))
    if memory_bytes and limits.memory_bytes is not None and limits.memory_bytes > memory_bytes:
        has = _size(memory_bytes)
        told.append(
            f"The project asks for {_size(limits.memory_bytes)} of memory; this machine has {has}, and gives it."
        )
        limits = replace(limits, memory_bytes=memory_bytes)
    return limits, told


def _size(count: int) -> str:
    return f"{count / _GIGABYTE:.1f} GB"
