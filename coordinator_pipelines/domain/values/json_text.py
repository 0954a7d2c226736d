"""Whether a JSON text can be stored: the one rule that every JSON column of a ledger keeps.

Add here what makes a text unfit for every database alike; avoid putting the meaning of any
particular document here. A stage that takes in foreign text (a model's answer) asks
:func:`defect` first, so that one bad text costs its own cell and not the whole batch.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import NoReturn

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""Characters that PostgreSQL or UTF-8 has no place for: NUL and halves of surrogate pairs."""

_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_LARGE_EXPONENT = re.compile(r"e\+?\d{3}")
_LARGE_NUMBER = re.compile(r"\d{300}")


def defect(text: str) -> str | None:
    r"""Why a text cannot be stored as JSON, or None if it can.

    >>> defect('{"p_up": 0.5}')
    >>> defect('{"p_up": NaN}')
    'NaN is not JSON'
    >>> defect('{"p_up": 1e999}')
    '1e999 is not a finite number'
    >>> defect('["\\u0000"]')
    'it holds a NUL character or half of a surrogate pair'
    """
    if not _may_pass_the_scan_unsound([text]) and _scans(text):
        return None
    try:
        value = _strict.decode(text)
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return str(error)
    if _ESCAPED_NUL.search(text) or UNSTORABLE.search(json.dumps(value, ensure_ascii=False)):
        return "it holds a NUL character or half of a surrogate pair"
    return None


def first_defect(texts: Sequence[str]) -> tuple[int, str] | None:
    """Position and defect of the first text that cannot be stored, or None.

    Sound texts pay for one scan by the C parser: 100,000 small objects take about 0.1 s.
    """
    suspicious = _may_pass_the_scan_unsound(texts)
    for position, text in enumerate(texts):
        if suspicious or not _scans(text):
            found = defect(text)
            if found:
                return position, found
    return None


def _may_pass_the_scan_unsound(texts: Sequence[str]) -> bool:
    joined = "\n".join(texts)
    return (
        not joined.isascii()
        or "\\u" in joined
        or _LARGE_EXPONENT.search(joined.lower()) is not None
        or any(len(text) > 300 and _LARGE_NUMBER.search(text) for text in texts)
    )


def _scans(text: str) -> bool:
    try:
        return bool(_scan(text, 0)[1] == len(text))
    except (StopIteration, ValueError, RecursionError):
        return False


def _refuse(token: str) -> NoReturn:
    raise ValueError(f"{token} is not JSON")


def _finite(token: str) -> float:
    number = float(token)
    if not math.isfinite(number):
        raise ValueError(f"{token[:40]} is not a finite number")
    return number


_decoder = json.JSONDecoder(parse_constant=_refuse)
_strict = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
# The C parser itself, which typeshed leaves out; ``decode`` adds a microsecond to each text.
_scan: Callable[[str, int], tuple[object, int]] = vars(_decoder)["scan_once"]
