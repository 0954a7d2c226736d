"""Rules of metrics and ranking: every name has a meaning, and somebody can be ranked.

A rule yields every problem it finds.
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.spec.rules.positions import repeated
from coordinator_pipelines.domain.spec.sections import (
    SERIES_STATISTICS,
    SIGNAL_STATISTICS,
    MetricSpec,
    SignalSpec,
)


def windows_and_metrics_are_distinct(challenge: Challenge) -> Iterator[Problem]:
    """Trailing windows differ; every metric has a name of its own and a known window."""
    windows = challenge.trailing_windows_hours
    hours, names = list(windows.values()), [metric.name for metric in challenge.metrics]
    for i in repeated(hours):
        field = f"trailing_windows_hours.{list(windows)[i]}"
        yield Problem(field, hours[i], f"the same as of {list(windows)[hours.index(hours[i])]}")
    for i, metric in enumerate(challenge.metrics):
        if metric.window not in windows:
            missing = f"not among trailing_windows_hours ({', '.join(windows)})"
            yield Problem(f"metrics[{i}].window", metric.window, missing)
    for i in repeated(names):
        yield Problem(
            f"metrics[{i}].name", names[i], f"the same as of metrics[{names.index(names[i])}]"
        )


def the_ranking_uses_metrics_produced(challenge: Challenge) -> Iterator[Problem]:
    """Key and tie-breakers are metrics of this challenge, each used once."""
    names = [metric.name for metric in challenge.metrics]
    wanted = [challenge.ranking.key, *challenge.ranking.tie_breakers]
    fields = ["ranking.key", *(f"ranking.tie_breakers[{i}]" for i in range(len(wanted) - 1))]
    for field, name in zip(fields, wanted, strict=True):
        if name not in names:
            yield Problem(field, name, f"not among the metrics ({', '.join(names)})")
    for i in repeated(wanted):
        already = fields[wanted.index(wanted[i])]
        yield Problem(fields[i], wanted[i], f"decides already as {already}")


def the_ranking_agrees_with_its_key(challenge: Challenge) -> Iterator[Problem]:
    """A mean of scores is better in the direction in which scores are; a skill, if it is higher."""
    key, direction = _key_metric(challenge), challenge.ranking.direction
    if key and key.statistic in SERIES_STATISTICS and direction != key.better:
        contradiction = f"contradicts the key: {key.statistic} is better {key.better}"
        yield Problem("ranking.direction", direction, contradiction)
    if key and key.statistic == "mean" and direction != challenge.score_direction:
        contradiction = f"contradicts score_direction '{challenge.score_direction}'"
        yield Problem("ranking.direction", direction, f"{contradiction} for a mean of scores")


def metrics_have_what_they_need(challenge: Challenge) -> Iterator[Problem]:
    """Signals need answers of one number, a skill a baseline and a perfect score."""
    for i, metric in enumerate(challenge.metrics):
        field, statistic = f"metrics[{i}].statistic", metric.statistic
        if statistic in SIGNAL_STATISTICS and challenge.is_operated:
            needed = "needs an answer of one number per round; rounds of tables have none"
            yield Problem(field, statistic, needed)
        if statistic in SERIES_STATISTICS and challenge.callables.MODEL_SCORE_AGGREGATOR:
            replaced = "contradicts callables.MODEL_SCORE_AGGREGATOR, whose metrics replace it"
            yield Problem(field, statistic, replaced)
        if statistic != "skill":
            continue
        if challenge.baseline_model is None:
            missing = "needs a baseline: name certainty.baseline_model"
            yield Problem(field, statistic, missing)
        if challenge.score_direction == "desc" and challenge.certainty.score_bounds is None:
            missing = "needs to know a perfect score: declare certainty.score_bounds"
            yield Problem(field, statistic, missing)
    if challenge.signal != SignalSpec() and not challenge.reads_signals:
        yield Problem("signal", challenge.signal.answer, "means nothing: no metric reads signals")


def models_can_be_ranked(challenge: Challenge) -> Iterator[Problem]:
    """The key's window can hold the samples that a ranked model must show."""
    key, least = _key_metric(challenge), challenge.ranking.minimum_samples
    if not key or key.window not in challenge.trailing_windows_hours:
        return
    seconds = 3600 * challenge.trailing_windows_hours[key.window]
    intervals = [config.interval_seconds for config in challenge.configs]
    rounds = sum(-(-seconds // every) for every in intervals if every)
    if any(intervals) and rounds < least:
        yield Problem(
            "ranking.minimum_samples", least,
            f"the window '{key.window}' of the ranking key holds only {rounds} rounds, so no model "
            "would ever be ranked",
        )  # fmt: skip


def certainty_agrees_with_what_is_scored(challenge: Challenge) -> Iterator[Problem]:
    """One baseline, and no score beyond the bounds that are declared."""
    certainty, missing = challenge.certainty, challenge.missing_data
    own, other = certainty.baseline_model, missing.baseline_model
    if own and other and own != other:
        field = "certainty.baseline_model"
        yield Problem(field, own, f"contradicts missing_data.baseline_model '{other}'")
    bounds, value = certainty.score_bounds, missing.value
    if bounds and value is not None and not bounds[0] <= value <= bounds[1]:
        shown = f"outside certainty.score_bounds [{bounds[0]:g}, {bounds[1]:g}]"
        yield Problem("missing_data.value", value, shown)


def _key_metric(challenge: Challenge) -> MetricSpec | None:
    named = (metric for metric in challenge.metrics if metric.name == challenge.ranking.key)
    return next(named, None)
