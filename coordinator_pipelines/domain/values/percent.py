"""Shares as everybody reads them: in the terminal, on pages, in Dagster and in reasons alike."""

import math


def percent(share: float) -> str:
    """A share in percent, rounded down: 49.96 % is never shown as the 50 % that it is below.

    What arithmetic alone has lost does not count: 0.57 is ``57 %``.
    """
    return f"{math.floor(share * 1000 + 1e-6) / 10:g} %"
