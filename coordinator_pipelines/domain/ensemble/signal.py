"""What an ensemble says in the newest round, before anything is known of the outcome.

Add here what decides whether that may be told; avoid answers that are scored (``ensemble``).

A pool of few answers gives single ones away: whoever is one of two knows the other. So does one in
which one model has most of the weight, one that lists densities, and two pools side by side: their
difference is the answer of whom only one of them takes. Until a round is resolved, only the spec's
first ensemble is told, of at least ``FEWEST`` models, none with more than ``LARGEST_SHARE``.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.ensemble.ensemble import Combined, combined, weights_as_of
from coordinator_pipelines.domain.ensemble.weights import Weights
from coordinator_pipelines.domain.prediction_batch.answer_hash import is_unchanged
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec

FEWEST = 3
LARGEST_SHARE = 0.5


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
    spec: EnsembleSpec,
    predictions: pd.DataFrame,
    weights_at: Callable[[datetime], Weights | None],
    *,
    is_resolved: bool,
) -> EnsembleSignal:
    """What an ensemble says in a round.

    Args:
        challenge: gives up to when outcomes count in the weights.
        spec: the ensemble.
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
    why = None if is_resolved else _gives_away(challenge, spec, said)
    return EnsembleSignal(None if why else said.output, len(said.shares), as_of, why)


def _gives_away(challenge: Challenge, spec: EnsembleSpec, said: Combined) -> str | None:
    """Why a round that is not resolved may not be told; None if it may."""
    yet = "and its round is not resolved yet"
    if spec != challenge.ensembles[0]:
        return f"beside that of {challenge.ensembles[0].name}, it tells single answers, {yet}"
    if len(said.shares) < FEWEST:
        return f"it combines fewer than {FEWEST} answers, {yet}"
    if max(said.shares.values()) > LARGEST_SHARE:
        return f"one model is more than {LARGEST_SHARE:.0%} of it, {yet}"
    if _has_density(said.output):
        return f"it lists the densities of single models, {yet}"
    return None


def _has_density(output: Any) -> bool:
    """Whether a pooled answer is a density, or has one in it.

    >>> _has_density({"p_up": 0.5}), _has_density([{"type": "mixture", "components": []}])
    (False, True)
    """
    if isinstance(output, Mapping):
        return isinstance(output.get("type"), str) or any(map(_has_density, output.values()))
    return isinstance(output, list) and any(map(_has_density, output))
