"""Rules of prediction configs: what they ask for, and what the rest of the spec offers.

A rule yields every problem it finds.
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.spec.prediction_config import OperatorSchedule
from coordinator_pipelines.domain.spec.rules.positions import config_field, repeated


def rounds_are_instants_the_feed_resolves(challenge: Challenge) -> Iterator[Problem]:
    """The price at performed_at and at resolvable_at is the close of a bar that ends there."""
    bar = challenge.feed.granularity_seconds
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        for field, value in config.schedule.instants():
            if value % bar:
                yield Problem(
                    f"{config_field(i)}.schedule.{field}", value,
                    f"not a multiple of feed.granularity_seconds ({bar}): the feed has no price "
                    "at that instant",
                )  # fmt: skip


def configs_ask_for_what_the_feed_has(challenge: Challenge) -> Iterator[Problem]:
    """Every asset is one of the feed's subjects, active config or not."""
    known = challenge.feed.subjects
    if challenge.is_operated:
        return
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        if config.asset not in known:
            field = f"{config_field(i)}.scope_template.asset"
            yield Problem(field, config.asset, f"not among feed.subjects ({', '.join(known)})")


def somebody_reads_every_scope_key(challenge: Challenge) -> Iterator[Problem]:
    """A scope key that no code reads is a misspelling."""
    if challenge.callables.reads_scope:
        return
    passed = set(challenge.model_interface.predict_arguments.values())
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        for key, value in (config.scope_template.model_extra or {}).items():
            if key in passed:
                continue
            yield Problem(
                f"{config_field(i)}.scope_template.{key}", value,
                "unknown field: nothing reads it without a PREDICTION_SCOPE_BUILDER, "
                "PREDICT_CALL_BUILDER or GROUND_TRUTH_RESOLVER of the challenge's own",
            )  # fmt: skip


def every_argument_has_a_source(challenge: Challenge) -> Iterator[Problem]:
    """What ``predict`` is to be given is in every scope, unless own code makes the scopes."""
    if challenge.callables.reads_scope:
        return
    for parameter, source in challenge.model_interface.predict_arguments.items():
        for i, config in enumerate(challenge.scheduled_prediction_configs):
            if source != "input" and source not in config.scope:
                yield Problem(
                    f"model_interface.predict_arguments.{parameter}", source,
                    f"neither 'input' nor in {config_field(i)}.scope_template",
                )  # fmt: skip


def calls_end_before_the_next_round(challenge: Challenge) -> Iterator[Problem]:
    """A model's answer to one round never comes after the next one opened."""
    timeout = challenge.limits.call_timeout_seconds
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        schedule = config.schedule
        if isinstance(schedule, OperatorSchedule):
            name, longest = "answer_within_seconds", schedule.answer_within_seconds
        else:
            name, longest = "every_seconds", schedule.every_seconds
        if config.active and timeout > longest:
            longer = f"longer than {config_field(i)}.schedule.{name} ({longest})"
            yield Problem("limits.call_timeout_seconds", timeout, longer)


def configs_are_distinct(challenge: Challenge) -> Iterator[Problem]:
    """Ids tell configs apart, and at least one config is active."""
    ids = [config.id for config in challenge.scheduled_prediction_configs]
    for i in repeated(ids):
        yield Problem(
            f"{config_field(i)}.id", ids[i], f"the same as of {config_field(ids.index(ids[i]))}"
        )
    if not challenge.configs:
        yield Problem("scheduled_prediction_configs", ids, "none is active")
