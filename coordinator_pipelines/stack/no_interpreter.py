"""Served in place of a location whose ``executable_path`` is not there: what to do about it.

A code server is asked for the definition of that name, so its error is the location's own.
"""

from typing import NoReturn

from coordinator_pipelines.domain.values.errors import CoordinatorError


def __getattr__(path: str) -> NoReturn:
    """Refuse every definition.

    Raises:
        CoordinatorError: always.
    """
    raise CoordinatorError(
        f"executable_path: {path} is no Python interpreter that can be run; make that environment, "
        "with coordinator-pipelines and the public package in it, or correct workspace.yaml"
    )
