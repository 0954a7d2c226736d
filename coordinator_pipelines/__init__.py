"""Live prediction challenges as partitioned Dagster assets."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
COMPONENTS = {"Challenge": "coordinator_pipelines.component"}
"""Dagster component -> its module, imported when it is asked for: Dagster takes seconds."""


def __getattr__(name: str) -> Any:
    if name not in COMPONENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(COMPONENTS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *COMPONENTS])
