"""What each place earns: the strategies of ``emission.strategy``, as exact parts of the whole.

Add a strategy here; avoid caps, rests and rounding (``shares``). Payees that share places get the
mean of what those places earn, so that ties are told by nothing.
"""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, cast

from coordinator_pipelines.domain.checkpoint.payees import Payee
from coordinator_pipelines.domain.checkpoint.shares import exact
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.emission import ContributionSpec, EmissionSpec
from coordinator_pipelines.domain.values.errors import CallableError

KEY = "EMISSION_STRATEGY"
AuthorStrategy = Callable[[list[dict[str, Any]]], Any]


def earned(
    challenge: Challenge,
    payees: Sequence[Payee],
    values: Mapping[str, float],
    own: AuthorStrategy | None,
) -> list[Fraction]:
    """What each payee earns: not below 0, together at most 1.

    Args:
        challenge: gives the strategy.
        payees: in the order of their places.
        values: model id -> what decides, of every model that has such a value, paid or not.
        own: the author's callable, for the strategy ``author``.

    Raises:
        CallableError: the author's callable raised, or returned no weights.
    """
    emission = challenge.emission
    places = _places(emission)
    if places is not None:
        return _by_place(payees, places)
    if emission.strategy == "contribution":
        return _contributions(emission.contribution or ContributionSpec(), payees)
    if own is not None:
        return _in_proportion(_authors(own, payees))
    return _in_proportion([_skill(emission, payee, values) for payee in payees])


def _places(emission: EmissionSpec) -> list[Fraction] | None:
    """What each place earns, best first; None where places alone do not tell."""
    if emission.strategy == "tiers":
        return [exact(tier.share) for tier in emission.paid_tiers for _ in range(tier.places)]
    if emission.strategy == "top_n":
        count = emission.top_n or 1
        return [Fraction(1, count)] * count
    return [Fraction(1)] if emission.strategy == "winner_takes_all" else None


def _by_place(payees: Sequence[Payee], places: Sequence[Fraction]) -> list[Fraction]:
    """The mean of the places that each payee shares; those further down earn nothing."""
    return [
        sum(places[payee.place - 1 : payee.place - 1 + payee.tied], Fraction()) / payee.tied
        for payee in payees
    ]


def _in_proportion(weights: Sequence[Fraction]) -> list[Fraction]:
    total = sum(weights, Fraction())
    return [weight / total if total else Fraction() for weight in weights]


def _skill(emission: EmissionSpec, payee: Payee, values: Mapping[str, float]) -> Fraction:
    """By how much a payee is better than the baseline; nothing where there is no baseline."""
    level = emission.baseline_score
    if emission.baseline_model is not None:
        level = values.get(emission.baseline_model)
    value = payee.candidate.value
    if level is None or value is None:
        return Fraction()
    better = exact(value) - exact(level)
    return max(Fraction(), better if payee.candidate.direction == "desc" else -better)


def _contributions(weights: ContributionSpec, payees: Sequence[Payee]) -> list[Fraction]:
    """The successor's: rank, contribution and diversity, each scaled, with a floor."""
    scores = [payee.candidate.entry["score"] for payee in payees]
    metrics = [score["metrics"] for score in scores]
    places: list[Fraction | None] = [Fraction(1, payee.place) for payee in payees]
    contribution = [_known(_contribution(weights.ensemble, score)) for score in scores]
    correlation = [_known(own.get("model_correlation")) for own in metrics]
    diversity = [None if value is None else 1 - value for value in correlation]
    parts = (
        (weights.rank, places),
        (weights.contribution, contribution),
        (weights.diversity, diversity),
    )
    weighted = [[exact(weight) * part for part in _scaled(values)] for weight, values in parts]
    combined = [sum(own, Fraction()) for own in zip(*weighted, strict=True)]
    floor = exact(weights.minimum_share)
    return _in_proportion([max(part, floor) for part in _in_proportion(combined)])


def _contribution(ensemble: str | None, score: Mapping[str, Any]) -> float | None:
    """What a model adds: to an ensemble of the challenge, or by the metric of that name."""
    if ensemble is None:
        return cast("float | None", score["metrics"].get("contribution"))
    told = score.get("contributions", {}).get(ensemble)
    return None if told is None else cast("float | None", told["value"])


def _scaled(values: Sequence[Fraction | None]) -> list[Fraction]:
    """Scaled to 0 .. 1; all alike: an equal part each. Who has no value counts as the worst."""
    known = [value for value in values if value is not None]
    if not known or min(known) == max(known):
        return [Fraction(1, len(values))] * len(values)
    low, width = min(known), max(known) - min(known)
    return [Fraction() if value is None else (value - low) / width for value in values]


def _known(value: float | None) -> Fraction | None:
    return None if value is None else exact(value)


def _authors(own: AuthorStrategy, payees: Sequence[Payee]) -> list[Fraction]:
    """The weights that the author's callable gives to accounts.

    It gets a list of ``{"account", "model_id", "place", "tied", "value", "metrics"}`` and returns
    an object with a weight, not below 0, for each account that is to be paid.
    """
    told = [
        {
            "account": payee.account,
            "model_id": payee.candidate.model_id,
            "place": payee.place,
            "tied": payee.tied,
            "value": payee.candidate.value,
            "metrics": copy.deepcopy(payee.candidate.entry["score"]["metrics"]),
        }
        for payee in payees
    ]
    try:
        returned = own(told)
    except Exception as error:
        raise CallableError(f"{KEY} raised {type(error).__name__}: {error}") from error
    if not isinstance(returned, dict):
        kind = type(returned).__name__
        raise CallableError(f"{KEY} returned a {kind}, not an object of weights by account")
    known = {payee.account for payee in payees}
    for account, weight in returned.items():
        if account not in known:
            raise CallableError(f"{KEY} paid {account!r}, which is not among the payees")
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not math.isfinite(weight) or weight < 0:
            raise CallableError(f"{KEY} gave {account!r} the weight {weight!r}, no number from 0")
    return [exact(returned.get(payee.account, 0)) for payee in payees]
