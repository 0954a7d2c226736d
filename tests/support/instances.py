"""Dagster instances in memory, used again: one takes longer to make than most runs in it."""

import weakref
from typing import Any

import dagster as dg

_free: list[dg.DagsterInstance] = []


def instance_of(owner: Any) -> dg.DagsterInstance:
    """An empty instance that belongs to an object as long as the object is there."""
    instance = _free.pop() if _free else dg.DagsterInstance.ephemeral()
    weakref.finalize(owner, _take_back, instance).atexit = False
    return instance


def _take_back(instance: dg.DagsterInstance) -> None:
    instance.wipe()
    _free.append(instance)
