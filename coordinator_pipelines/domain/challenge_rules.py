"""The rules that join fields of a spec: what must agree with what, one function per rule.

Add a rule here when a combination of valid fields makes nonsense; avoid rules of one field or
one section (they stand with it). A rule yields every problem it finds.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from coordinator_pipelines.domain.opened_round_rules import (
    opened_rounds_are_told_by_their_tables,
    whoever_opens_rounds_brings_the_data,
)
from coordinator_pipelines.domain.prediction_config import OperatorSchedule
from coordinator_pipelines.domain.round import SECOND, window_of
from coordinator_pipelines.domain.spec_model import Problem
from coordinator_pipelines.domain.spec_sections import MetricSpec

if TYPE_CHECKING:
    from coordinator_pipelines.domain.challenge import Challenge


def problems(challenge: "Challenge") -> list[Problem]:
    """Everything that contradicts something else in the spec."""
    return [problem for rule in RULES for problem in rule(challenge)]


def dates_lie_on_the_grid(challenge: "Challenge") -> Iterator[Problem]:
    """A challenge starts and ends with a batch window."""
    for field, instant in (("start", challenge.start), ("end", challenge.end)):
        if instant and window_of(instant, challenge.window_length).start != instant:
            grid = f"not on the grid of {challenge.batch_window} windows (UTC)"
            yield Problem(field, instant, grid)
    if challenge.end and challenge.end <= challenge.start:
        yield Problem("end", challenge.end, f"not after start ({challenge.start.isoformat()})")


def rounds_are_instants_the_feed_resolves(challenge: "Challenge") -> Iterator[Problem]:
    """The price at performed_at and at resolvable_at is the close of a bar that ends there."""
    bar = challenge.feed.granularity_seconds
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        for field, value in config.schedule.instants():
            if value % bar:
                yield Problem(
                    f"{_config(i)}.schedule.{field}", value,
                    f"not a multiple of feed.granularity_seconds ({bar}): the feed has no price "
                    "at that instant",
                )  # fmt: skip


def configs_ask_for_what_the_feed_has(challenge: "Challenge") -> Iterator[Problem]:
    """Every asset is one of the feed's subjects, active config or not."""
    known = challenge.feed.subjects
    if challenge.is_operated:
        return
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        if config.asset not in known:
            field = f"{_config(i)}.scope_template.asset"
            yield Problem(field, config.asset, f"not among feed.subjects ({', '.join(known)})")


def somebody_reads_every_scope_key(challenge: "Challenge") -> Iterator[Problem]:
    """A scope key that no code reads is a misspelling."""
    if challenge.callables.reads_scope:
        return
    passed = set(challenge.model_interface.predict_arguments.values())
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        for key, value in (config.scope_template.model_extra or {}).items():
            if key in passed:
                continue
            yield Problem(
                f"{_config(i)}.scope_template.{key}", value,
                "unknown field: nothing reads it without a PREDICTION_SCOPE_BUILDER, "
                "PREDICT_CALL_BUILDER or GROUND_TRUTH_RESOLVER of the challenge's own",
            )  # fmt: skip


def every_argument_has_a_source(challenge: "Challenge") -> Iterator[Problem]:
    """What ``predict`` is to be given is in every scope, unless own code makes the scopes."""
    if challenge.callables.reads_scope:
        return
    for parameter, source in challenge.model_interface.predict_arguments.items():
        for i, config in enumerate(challenge.scheduled_prediction_configs):
            if source != "input" and source not in config.scope:
                yield Problem(
                    f"model_interface.predict_arguments.{parameter}", source,
                    f"neither 'input' nor in {_config(i)}.scope_template",
                )  # fmt: skip


def calls_end_before_the_next_round(challenge: "Challenge") -> Iterator[Problem]:
    """A model's answer to one round never comes after the next one opened."""
    timeout = challenge.limits.call_timeout_seconds
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        schedule = config.schedule
        if isinstance(schedule, OperatorSchedule):
            name, longest = "answer_within_seconds", schedule.answer_within_seconds
        else:
            name, longest = "every_seconds", schedule.every_seconds
        if config.active and timeout > longest:
            longer = f"longer than {_config(i)}.schedule.{name} ({longest})"
            yield Problem("limits.call_timeout_seconds", timeout, longer)


def configs_are_distinct(challenge: "Challenge") -> Iterator[Problem]:
    """Ids tell configs apart, and at least one config is active."""
    ids = [config.id for config in challenge.scheduled_prediction_configs]
    for i in _repeated(ids):
        yield Problem(f"{_config(i)}.id", ids[i], f"the same as of {_config(ids.index(ids[i]))}")
    if not challenge.configs:
        yield Problem("scheduled_prediction_configs", ids, "none is active")


def the_convention_is_that_of_the_provider(challenge: "Challenge") -> Iterator[Problem]:
    """Candles have closes, Pyth has updates: the price at T means one thing per provider."""
    provider, convention = challenge.feed.provider, challenge.truth.convention
    fitting = {"pyth": "straddling_update", "posted": "posted"}.get(provider, "bar_close")
    if convention != fitting:
        contradiction = f"contradicts feed.provider '{provider}', which goes with '{fitting}'"
        yield Problem("truth.convention", convention, contradiction)


def the_feed_answers_in_time(challenge: "Challenge") -> Iterator[Problem]:
    """A healthy feed makes no round VOID and no truth unresolvable."""
    feed, truth = challenge.feed, challenge.truth
    bar, delay = feed.granularity_seconds, feed.publication_delay_seconds
    oldest = bar * -(-delay // bar)
    if feed.staleness_limit_seconds < oldest:
        yield Problem(
            "feed.staleness_limit_seconds", feed.staleness_limit_seconds,
            f"contradicts publication_delay_seconds ({delay:g}): the newest record is {oldest:g} s "
            "old when a round opens, so every round would be VOID",
        )  # fmt: skip
    if truth.resolution_deadline_seconds < bar + delay:
        yield Problem(
            "truth.resolution_deadline_seconds", truth.resolution_deadline_seconds,
            f"a bar is proven final {bar + delay:g} s after its end at the earliest",
        )  # fmt: skip


def the_reference_is_another_source_of_the_same(challenge: "Challenge") -> Iterator[Problem]:
    """Two feeds are compared instant by instant and asset by asset."""
    if challenge.reference_feed:
        yield from challenge.reference_feed.contradictions(challenge.feed)


def the_warm_up_holds_a_record(challenge: "Challenge") -> Iterator[Problem]:
    """A fresh model gets at least one record, however late records are."""
    feed = challenge.feed
    least = feed.granularity_seconds + feed.publication_delay_seconds
    if challenge.warm_up_seconds < least:
        yield Problem(
            "warm_up_seconds", challenge.warm_up_seconds,
            f"shorter than a bar and its publication delay ({least:g} s): models would start "
            "without a record",
        )  # fmt: skip


def windows_and_metrics_are_distinct(challenge: "Challenge") -> Iterator[Problem]:
    """Trailing windows differ; every metric has a name of its own and a known window."""
    windows = challenge.trailing_windows_hours
    hours, names = list(windows.values()), [metric.name for metric in challenge.metrics]
    for i in _repeated(hours):
        field = f"trailing_windows_hours.{list(windows)[i]}"
        yield Problem(field, hours[i], f"the same as of {list(windows)[hours.index(hours[i])]}")
    for i, metric in enumerate(challenge.metrics):
        if metric.window not in windows:
            missing = f"not among trailing_windows_hours ({', '.join(windows)})"
            yield Problem(f"metrics[{i}].window", metric.window, missing)
    for i in _repeated(names):
        yield Problem(
            f"metrics[{i}].name", names[i], f"the same as of metrics[{names.index(names[i])}]"
        )


def the_ranking_uses_metrics_produced(challenge: "Challenge") -> Iterator[Problem]:
    """Key and tie-breakers are metrics of this challenge, each used once."""
    names = [metric.name for metric in challenge.metrics]
    wanted = [challenge.ranking.key, *challenge.ranking.tie_breakers]
    fields = ["ranking.key", *(f"ranking.tie_breakers[{i}]" for i in range(len(wanted) - 1))]
    for field, name in zip(fields, wanted, strict=True):
        if name not in names:
            yield Problem(field, name, f"not among the metrics ({', '.join(names)})")
    for i in _repeated(wanted):
        already = fields[wanted.index(wanted[i])]
        yield Problem(fields[i], wanted[i], f"decides already as {already}")


def the_ranking_agrees_with_the_scores(challenge: "Challenge") -> Iterator[Problem]:
    """A mean of scores is better in the direction in which scores are."""
    key, direction = _key_metric(challenge), challenge.ranking.direction
    if key and key.statistic == "mean" and direction != challenge.score_direction:
        contradiction = f"contradicts score_direction '{challenge.score_direction}'"
        yield Problem("ranking.direction", direction, f"{contradiction} for a mean of scores")


def models_can_be_ranked(challenge: "Challenge") -> Iterator[Problem]:
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


def intervals_agree(challenge: "Challenge") -> Iterator[Problem]:
    """Checkpoints end with a batch window; one refresh interval, not two."""
    given, window = challenge.checkpoint_interval_seconds, challenge.window_length // SECOND
    if challenge.checkpoint_seconds % window:
        multiple = f"not a multiple of the batch window ({window} s)"
        yield Problem("checkpoint_interval_seconds", given, multiple)
    if challenge.interval_is_refresh and challenge.refresh_interval_seconds not in (None, given):
        yield Problem(
            "checkpoint_interval_seconds", given,
            "shorter than a batch window, so it means the refresh interval, and contradicts "
            f"refresh_interval_seconds ({challenge.refresh_interval_seconds})",
        )  # fmt: skip


def out_of_sample_is_never_replayed(challenge: "Challenge") -> Iterator[Problem]:
    """Predictions out of sample are made live or not at all."""
    if challenge.tournament_mode == "out-of-sample" and challenge.replay_allowed:
        live = "contradicts tournament_mode 'out-of-sample': its predictions are made live only"
        yield Problem("replay_allowed", True, live)


RULES = (
    dates_lie_on_the_grid,
    rounds_are_instants_the_feed_resolves,
    configs_ask_for_what_the_feed_has,
    somebody_reads_every_scope_key,
    every_argument_has_a_source,
    calls_end_before_the_next_round,
    configs_are_distinct,
    the_convention_is_that_of_the_provider,
    the_feed_answers_in_time,
    the_reference_is_another_source_of_the_same,
    the_warm_up_holds_a_record,
    windows_and_metrics_are_distinct,
    the_ranking_uses_metrics_produced,
    the_ranking_agrees_with_the_scores,
    models_can_be_ranked,
    intervals_agree,
    out_of_sample_is_never_replayed,
    whoever_opens_rounds_brings_the_data,
    opened_rounds_are_told_by_their_tables,
)


def _config(position: int) -> str:
    return f"scheduled_prediction_configs[{position}]"


def _key_metric(challenge: "Challenge") -> MetricSpec | None:
    named = (metric for metric in challenge.metrics if metric.name == challenge.ranking.key)
    return next(named, None)


def _repeated(values: "list[str] | list[int]") -> Iterable[int]:
    """Positions of the values that occurred before."""
    return [i for i, value in enumerate(values) if value in values[:i]]
