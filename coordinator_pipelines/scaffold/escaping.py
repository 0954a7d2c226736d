"""What a template may print, decided by the kind of file that it makes.

Add a kind of file here, with how it writes a text; avoid templates. A template prints harmless
words and whole numbers as they are. Everything else must go through the filter ``quoted``, which
writes it as a literal of that kind of file; what has no literal there is refused.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jinja2

HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*", re.ASCII)
LITERALS: Mapping[str, Callable[[Any], str]] = {".py": repr, ".yaml": json.dumps}
"""File name suffix -> a JSON value as a literal that ends where it ends."""


class Literal(str):
    """A text that has been quoted for the file it goes into."""

    __slots__ = ()


def environment(loader: jinja2.BaseLoader, suffix: str) -> jinja2.Environment:
    """An environment for templates of one kind of file.

    It raises ValueError for a value that could change what the file says.
    """
    made = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # that of Jinja knows HTML only
        finalize=partial(_printed, suffix),
    )
    made.filters["quoted"] = partial(_quoted, suffix)
    return made


def _printed(suffix: str, value: Any) -> Any:
    harmless = isinstance(value, str) and HARMLESS.fullmatch(value)
    if harmless or type(value) is int or isinstance(value, Literal):
        return value
    raise ValueError(f"{value!r:.80} must be quoted in a {suffix or 'plain'} file")


def _quoted(suffix: str, value: Any) -> Literal:
    if suffix not in LITERALS:
        raise ValueError(f"{value!r:.80} cannot be quoted in a {suffix or 'plain'} file")
    return Literal(LITERALS[suffix](value))
