"""The return of a position whose size follows from a probability of "up".

Add nothing but this rule; other rules have a module each.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def position_return(
    p_up: ArrayLike, entry_price: ArrayLike, resolved_price: ArrayLike
) -> NDArray[np.float64]:
    r"""Return of holding a position between -1 (all short) and 1 (all long) over the horizon.

    .. math:: R(p, e, r) = (2 p - 1) \frac{r - e}{e}

    Args:
        p_up: p, probability that the price rises, in [0, 1]; 0.5 holds nothing.
        entry_price: e, price at ``performed_at``, above 0.
        resolved_price: r, price at ``resolvable_at``.

    Returns:
        Simple returns (0.01 is one per cent), before costs; higher is better. Linear in p, so
        it is not a proper rule: a risk-neutral model answers 0 or 1.

    Reference:
        The rule of the original challenge; a linear sizing as in Granger, C. W. J. and
        Pesaran, M. H. (2000): Economic and statistical measures of forecast accuracy.
        Journal of Forecasting 19, 537-560.

    >>> position_return([1.0, 0.5, 0.25], [100.0, 100.0, 100.0], [102.0, 102.0, 98.0]).tolist()
    [0.02, 0.0, 0.01]
    """
    entry = np.asarray(entry_price, dtype=np.float64)
    move = (np.asarray(resolved_price, dtype=np.float64) - entry) / entry
    return (2.0 * np.asarray(p_up, dtype=np.float64) - 1.0) * move
