"""The parts of a change add up to it, in exact arithmetic, whatever came, went or changed."""

from fractions import Fraction

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from coordinator_pipelines.domain.revision.parts import Counted, counted_at, parts

VALUE = st.one_of(st.none(), st.floats(-1e3, 1e3, allow_nan=False).map(lambda v: round(v, 6)))
CELLS = st.lists(st.tuples(st.integers(0, 2), VALUE, VALUE, VALUE), max_size=12)


def frame(cells, column):
    """The cells of one model as they were, are, or are by now."""
    values = [cell[column] for cell in cells]
    configs = np.array([cell[0] for cell in cells], int)
    return pd.DataFrame({"model": 0 * configs, "config": configs, "value": np.array(values, float)})


def exact(cells, column, config):
    values = [Fraction(c[column]) for c in cells if c[0] == config and c[column] is not None]
    return (sum(values) / len(values)) if values else None


def exact_mean(cells, column):
    means = [exact(cells, column, config) for config in range(3)]
    return None if None in means else sum(means) / 3


@given(CELLS)
def test_the_parts_add_up_to_the_change(cells):
    now = frame(cells, 3).dropna()
    n, total = np.zeros((1, 3)), np.zeros((1, 3))
    np.add.at(n, (0, now["config"].to_numpy(int)), 1)
    np.add.at(total, (0, now["config"].to_numpy(int)), now["value"])
    newest = Counted(n, total)
    before, after = (counted_at(newest, frame(cells, k), frame(cells, 3)) for k in (1, 2))
    was, is_now = exact_mean(cells, 1), exact_mean(cells, 2)
    for told, value in ((before, was), (after, is_now)):
        assert np.isnan(told.mean[0]) == (value is None)
        assert value is None or abs(Fraction(told.mean[0]) - value) < 1e-9
    changed = frame(cells, 2).assign(value_before=frame(cells, 1)["value"])
    moved = parts(changed, before, after)
    if was is None or is_now is None:
        assert np.isnan(moved).all()
    else:
        assert abs(sum(map(Fraction, moved)) - (is_now - was)) < 1e-9
