"""Names that others chose, as they are shown: on one line, in one direction, nothing invisible.

Add here what makes a text of somebody else unfit to be shown; avoid markup, which templates
escape. Ids stay as they are: they are compared, not read.
"""

import re
from typing import Annotated

from pydantic import AfterValidator

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_BREAK = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters
    "\xad\u180e\u200b\u2060-\u2064\ufeff"  # that take no room: two names would look the same
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # that change the direction of what follows
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"  # annotations, halves of pairs, tags
)


def shown(text: str) -> str:
    r"""The text with a visible mark for each character that must not be shown.

    >>> shown("fair\u202efdp.exe"), shown("two\nlines")
    ('fair\ufffdfdp.exe', 'two lines')
    """
    return _UNFIT.sub(REPLACEMENT, _BREAK.sub(" ", text))


Name = Annotated[str, AfterValidator(shown)]
"""A name in an answer."""
