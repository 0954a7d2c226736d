"""A node's own routes: every ``*.py`` of its ``api`` directory that holds a ``router``.

Add here how such a file is found and checked; avoid routes. Files whose name starts with ``_`` are
left out. A file may say ``TIER = "public"`` or ``"read"``; otherwise its routes are for admins.
They are served by this API's rules: exact paths, keys, errors. They get the context by
``request.app.state.context``, and may not take the path of a built-in route.
"""

import importlib.util
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from types import ModuleType

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from coordinator_pipelines.api.http.access import requires
from coordinator_pipelines.api.http.keys import Tier
from coordinator_pipelines.domain.values.errors import CallableError


def include_custom(app: FastAPI, directory: Path, built_in: Iterable[APIRouter]) -> None:
    """Add the routers of a directory. One that does not exist holds none.

    ``built_in``: the routers that are served already.

    Raises:
        CallableError: a file cannot be imported, holds no router, names an unknown tier, or
            takes a path that is served already; the message names the file.
    """
    taken = {path for router in built_in for path in _paths(router)}
    for path in sorted(directory.glob("*.py")):
        if not path.name.startswith("_"):
            module = _imported(path)
            router = _router(path, module, taken)
            app.include_router(router, dependencies=[requires(_tier(path, module))])
            taken |= _paths(router)


def _imported(path: Path) -> ModuleType:
    name = f"coordinator_custom_api.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CallableError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise CallableError(
            f"{path} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return module


def _router(path: Path, module: ModuleType, taken: Collection[str]) -> APIRouter:
    router = getattr(module, "router", None)
    if not isinstance(router, APIRouter):
        raise CallableError(f"{path} holds no fastapi.APIRouter named 'router'")
    both = sorted(_paths(router).intersection(taken))
    if both:
        raise CallableError(f"{path} takes {', '.join(both)}, which is served already")
    return router


def _tier(path: Path, module: ModuleType) -> Tier:
    given = getattr(module, "TIER", Tier.ADMIN)
    try:
        return Tier(given)
    except ValueError:
        known = ", ".join(Tier)
        raise CallableError(f"{path}: TIER is {given!r}; it must be one of {known}") from None


def _paths(router: APIRouter) -> set[str]:
    return {route.path for route in router.routes if isinstance(route, APIRoute)}
