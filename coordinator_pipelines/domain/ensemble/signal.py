"""What an ensemble says in the newest round, before anything is known of the outcome.

Add here what decides whether that may be told; avoid answers that are scored (``ensemble``).

A pool of few answers gives single ones away: whoever is one of two knows the other. Until its round
is resolved, it is told only if ``FEWEST`` models have a part in it. A mixture of densities lists
the answer of each of them, however many there are: it is not told before.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.ensemble.ensemble import combined, weights_as_of
from coordinator_pipelines.domain.ensemble.weights import Weights
from coordinator_pipelines.domain.prediction_batch.answer_hash import is_unchanged
from coordinator_pipelines.domain.spec.challenge import Challenge

FEWEST = 3


@dataclass(frozen=True, slots=True)
class EnsembleSignal:
    """What an ensemble says in one round; ``output`` is None where ``withheld`` says why."""

    output: Any
    models: int
    """How many have a part in it."""
    weights_as_of: datetime
    withheld: str | None = None


def signal_of_round(
    challenge: Challenge,
    predictions: pd.DataFrame,
    weights_at: Callable[[datetime], Weights | None],
    *,
    is_resolved: bool,
) -> EnsembleSignal:
    """What an ensemble says in a round.

    Args:
        challenge: gives up to when outcomes count in the weights.
        predictions: the newest version of every answer to the round (PREDICTION_COLUMNS), not
            empty.
        weights_at: the ensemble's weights as of an instant; None if they are not computed yet.
        is_resolved: whether there is a truth of the round.
    """
    as_of = weights_as_of(challenge, predictions["performed_at"].iloc[0].to_pydatetime())
    weights = weights_at(as_of)
    if weights is None:
        return EnsembleSignal(None, 0, as_of, "its weights are not computed yet")
    counting = is_unchanged(predictions) & (predictions["status"] == Outcome.SUCCESS.value)
    answered = predictions[counting].sort_values("model_id")
    models = answered["model_id"].tolist()
    outputs = [json.loads(text) for text in answered["output_json"]]
    said = combined(weights.row(models)[None, :], models, outputs, all_rows=False)
    if said is None:
        return EnsembleSignal(None, 0, as_of, "none of its models answered")
    if len(said.shares) < FEWEST and not is_resolved:
        few = f"it combines fewer than {FEWEST} answers, and its round is not resolved yet"
        return EnsembleSignal(None, len(said.shares), as_of, few)
    if _has_density(said.output) and not is_resolved:
        lists = "it lists the densities of single models, and its round is not resolved yet"
        return EnsembleSignal(None, len(said.shares), as_of, lists)
    return EnsembleSignal(said.output, len(said.shares), as_of)


def _has_density(output: Any) -> bool:
    """Whether a pooled answer is a density, or has one in it.

    >>> _has_density({"p_up": 0.5}), _has_density([{"type": "mixture", "components": []}])
    (False, True)
    """
    if isinstance(output, Mapping):
        return isinstance(output.get("type"), str) or any(map(_has_density, output.values()))
    return isinstance(output, list) and any(map(_has_density, output))
