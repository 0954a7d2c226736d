"""Rules of payouts: what decides exists, and what it is paid for can be told.

A rule yields every problem it finds.
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.emission import ContributionSpec, EmissionSpec
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.spec.sections import SERIES_STATISTICS


def payouts_use_metrics_produced(challenge: Challenge) -> Iterator[Problem]:
    """What decides is a metric of this challenge, or may come from its author's code."""
    emission, names = challenge.emission, [metric.name for metric in challenge.metrics]
    if emission.metric is not None and emission.metric not in names:
        known = f"not among the metrics ({', '.join(names)})"
        yield Problem("emission.metric", emission.metric, known)
    if emission.metric == challenge.ranking.key:
        yield Problem("emission.metric", emission.metric, "it is the ranking key; leave it out")
    if emission.strategy == "contribution" and not challenge.callables.MODEL_SCORE_AGGREGATOR:
        missing = [name for name in _contribution_metrics(emission) if name not in names]
        if missing:
            yield Problem(
                "emission.strategy", emission.strategy,
                f"needs metrics that the challenge does not produce ({', '.join(missing)}); name a "
                "MODEL_SCORE_AGGREGATOR that does, or choose another strategy",
            )  # fmt: skip


def _contribution_metrics(emission: EmissionSpec) -> tuple[str, ...]:
    """The metrics that the strategy ``contribution`` looks at."""
    weights = emission.contribution or ContributionSpec()
    needed = {
        "contribution": weights.ensemble is None,
        "model_correlation": weights.diversity > 0 or weights.ensemble is None,
    }
    return tuple(name for name, is_needed in needed.items() if is_needed)


def tiers_are_those_of_what_decides(challenge: Challenge) -> Iterator[Problem]:
    """Boards have tiers by their ranking key only, and none where an author's code ranks."""
    emission, callables = challenge.emission, challenge.callables
    if emission.ties != "tier":
        return
    key = next((one for one in challenge.metrics if one.name == challenge.ranking.key), None)
    reasons = {
        "nothing is known of how sure a ranking key is that no sums of scores give": (
            key is not None and key.statistic in SERIES_STATISTICS
        ),
        "emission.metric decides, and tiers are by the ranking key": emission.metric,
        "means of boards have none": emission.basis == "mean_of_boards",
        "boards have none with an aggregator of the challenge's own": (
            callables.MODEL_SCORE_AGGREGATOR
        ),
        "boards have none with a ranker of the challenge's own": callables.LEADERBOARD_RANKER,
    }
    for reason, holds in reasons.items():
        if holds:
            yield Problem("emission.ties", "tier", f"there are no such tiers: {reason}")


def payouts_ask_for_more_than_ranks_do(challenge: Challenge) -> Iterator[Problem]:
    """A sample that every ranked model has is no condition."""
    given, ranked = challenge.emission.minimum_samples, challenge.ranking.minimum_samples
    if given is not None and given <= ranked:
        nothing = f"means nothing: ranking.minimum_samples ({ranked}) asks for that already"
        yield Problem("emission.minimum_samples", given, nothing)


def an_own_strategy_has_its_code(challenge: Challenge) -> Iterator[Problem]:
    """The strategy ``author`` and its callable come together."""
    path = challenge.callables.EMISSION_STRATEGY
    if challenge.emission.strategy == "author" and path is None:
        needed = "needs callables.EMISSION_STRATEGY"
        yield Problem("emission.strategy", challenge.emission.strategy, needed)
    if challenge.emission.strategy != "author" and path is not None:
        unused = f"is never called: emission.strategy is '{challenge.emission.strategy}'"
        yield Problem("callables.EMISSION_STRATEGY", path, unused)
