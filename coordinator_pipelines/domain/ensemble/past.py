"""What past answers were worth: errors, and the probability that they gave to what happened.

Add here what weights may be made of; avoid the weights (``weights``). An answer tells both if it is
a probability of "up" (``p_up``) or one density of the price change; a number of its own (``value``)
is taken as a relative price change, and tells an error only. Of anything else nothing is known.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.answer.density import Component, components
from coordinator_pipelines.domain.doors.ledger import ROUND, TruthState
from coordinator_pipelines.domain.doors.models import Outcome

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
NOTHING = (math.nan, math.nan)


def _normal(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _laplace(z: float) -> float:
    return math.exp(-abs(z)) / 2


def _cauchy(z: float) -> float:
    return 1 / (math.pi * (1 + z * z))


HEIGHT: dict[str, Callable[[float], float]] = {
    "norm": _normal,
    "laplace": _laplace,
    "cauchy": _cauchy,
}
"""The standard density of each distribution that an answer may name."""


@dataclass(frozen=True, slots=True)
class Past:
    """Rounds with a final outcome, and what each model's answer was worth; NaN: it told nothing.

    ``resolvable_at``: Unix microseconds of each row. ``config``: which prediction config a row
    belongs to. ``errors``: squared, [round, model]. ``likelihoods``: the same shape.
    """

    resolvable_at: Integers
    config: Integers
    errors: Array
    likelihoods: Array

    def between(self, after: int, until: int) -> "Past":
        """The rounds with ``after < resolvable_at <= until``."""
        rows = (self.resolvable_at > after) & (self.resolvable_at <= until)
        return Past(
            self.resolvable_at[rows], self.config[rows], self.errors[rows], self.likelihoods[rows]
        )


def past_of(
    predictions: pd.DataFrame, truths: pd.DataFrame, configs: Sequence[str], models: Sequence[str]
) -> Past:
    """The past that these answers and outcomes tell.

    Args:
        predictions: newest versions (PREDICTION_COLUMNS).
        truths: newest versions of their rounds (GROUND_TRUTH_COLUMNS).
        configs: the order that ``Past.config`` counts in; others are left out.
        models: the columns; others are left out.
    """
    final = truths[truths["state"] == TruthState.FINAL.value]
    answered = predictions[predictions["status"] == Outcome.SUCCESS.value]
    wanted = [*ROUND, "outcome", "entry_price", "resolved_price"]
    cells = answered.merge(final[wanted], on=ROUND)
    config = pd.Index(configs).get_indexer(pd.Index(cells["prediction_config_id"]))
    model = pd.Index(models).get_indexer(pd.Index(cells["model_id"]))
    known = (config >= 0) & (model >= 0)
    cells, config, model = cells[known], config[known], model[known]
    performed, resolvable = (
        cells[name].to_numpy("datetime64[us]").astype("int64")
        for name in ("performed_at", "resolvable_at")
    )
    keys = performed * max(1, len(configs)) + config
    rounds, first, row = np.unique(keys, return_index=True, return_inverse=True)
    outputs = json.loads(f"[{','.join(cells['output_json'])}]")
    facts = (cells[name].tolist() for name in wanted[2:])
    worth = np.array(list(map(worth_of, outputs, *facts)), dtype=np.float64).reshape(-1, 2)
    tables = np.full((2, len(rounds), len(models)), np.nan)
    tables[:, row, model] = worth.T
    return Past(resolvable[first], config[first].astype(np.int64), tables[0], tables[1])


def joined(parts: Sequence[Past]) -> Past:
    """Several pasts of the same models and configs, one after another; at least one is given."""
    return Past(
        np.concatenate([part.resolvable_at for part in parts]),
        np.concatenate([part.config for part in parts]),
        np.concatenate([part.errors for part in parts]),
        np.concatenate([part.likelihoods for part in parts]),
    )


def worth_of(output: Any, outcome: float, entry: float, resolved: float) -> tuple[float, float]:
    """The squared error of an answer, and the likelihood that it gave to what happened.

    >>> error, likelihood = worth_of({"p_up": 0.75}, 1.0, 100.0, 101.0)
    >>> error, likelihood
    (0.0625, 0.75)
    >>> worth_of({"value": 0.02}, 1.0, 100.0, 101.0)[0]
    0.0001
    """
    if not isinstance(output, dict):
        return NOTHING
    said = output.get("p_up")
    if isinstance(said, int | float):
        return _finite((said - outcome) ** 2), _finite(said * outcome + (1 - said) * (1 - outcome))
    value = output.get("value")
    if isinstance(value, int | float):
        change = (resolved - entry) / entry if entry else math.nan
        return _finite((value - change) ** 2), math.nan
    try:
        parts = components(output)
    except ValueError:
        return NOTHING
    return _density_worth(parts, resolved - entry)


def _density_worth(parts: Sequence[Component], change: float) -> tuple[float, float]:
    centre = math.fsum(part.weight * part.loc for part in parts)
    heights = (
        part.weight * HEIGHT[part.name]((change - part.loc) / part.scale) / part.scale
        for part in parts
    )
    return _finite((centre - change) ** 2), _finite(math.fsum(heights))


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
