"""Which code an author's callable is made of: a digest of what it runs.

Add here what tells one version of an author's code from another; avoid importing it (``code``).
"""

import inspect
from collections.abc import Callable, Iterator
from hashlib import sha256
from types import CodeType, FunctionType, ModuleType
from typing import Any

from coordinator_pipelines.domain.values.content import canonical

DIGITS = 12


def source_digest(function: Callable[..., Any]) -> str:
    """A digest of the source of a callable, 12 hexadecimal digits; empty if there is none to read.

    It covers the callable and whatever of the same top-level package it names, directly or not:
    functions, classes, and constants that are JSON. What other packages do is theirs to version.
    """
    package, found = _package(function), dict[str, str]()
    wanted: list[Any] = [function]
    while wanted:
        one = inspect.unwrap(wanted.pop())
        if not isinstance(one, FunctionType | type):
            one = type(one)  # a callable object
        name = f"{one.__module__}.{one.__qualname__}"
        if name in found or one.__module__.partition(".")[0] != package:
            continue
        try:
            found[name] = inspect.getsource(one)
        except (OSError, TypeError):
            continue
        for label, value in _named(one):
            if isinstance(value, FunctionType | type):
                wanted.append(value)
            elif (text := _constant(value)) is not None:
                found[f"{one.__module__}:{label}"] = text
    if not found:
        return ""
    return sha256(canonical(found).encode()).hexdigest()[:DIGITS]


def _package(function: Callable[..., Any]) -> str:
    one = inspect.unwrap(function)
    module: str = getattr(one, "__module__", None) or type(one).__module__
    return module.partition(".")[0]


def _named(one: Any) -> Iterator[tuple[str, Any]]:
    """What a function, or the functions of a class, name of their module and of modules in it."""
    functions = [one] if isinstance(one, FunctionType) else vars(one).values()
    for function in functions:
        if not isinstance(function, FunctionType):
            continue
        names = sorted(_names(function.__code__))
        for name in names:
            value = function.__globals__.get(name)
            if isinstance(value, ModuleType):
                yield from ((f"{name}.{each}", getattr(value, each, None)) for each in names)
            elif name in function.__globals__:
                yield name, value


def _names(code: CodeType) -> set[str]:
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return {*code.co_names}.union(*(_names(each) for each in inner))


def _constant(value: Any) -> str | None:
    """A constant as text; None for what is none, or no JSON."""
    if value is None or callable(value) or isinstance(value, ModuleType):
        return None
    try:
        return canonical(value)
    except (TypeError, ValueError, RecursionError):
        return None
