"""The rules of specs whose rounds an operator opens: what must agree with that.

A rule yields every problem it finds.
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.spec.rules.positions import config_field


def whoever_opens_rounds_brings_the_data(challenge: Challenge) -> Iterator[Problem]:
    """Rounds are opened by an operator exactly where the data are posted by one."""
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        if config.is_operated and not challenge.is_operated:
            other = f"contradicts feed.provider '{challenge.feed.provider}': needs 'posted'"
            yield Problem(f"{config_field(i)}.schedule.kind", "operator", other)
        if challenge.is_operated and not config.is_operated:
            missing = "must be 'operator': feed.provider 'posted' has data of opened rounds only"
            yield Problem(f"{config_field(i)}.schedule.kind", None, missing)


def opened_rounds_are_told_by_their_tables(challenge: Challenge) -> Iterator[Problem]:
    """Models are given the table when they are asked; the truth is posted, and comes later."""
    if not challenge.is_operated:
        return
    shape, code = challenge.model_interface, challenge.callables
    if shape.tick_method is not None:
        given = "must be null: an opened round has no ticks"
        yield Problem("model_interface.tick_method", shape.tick_method, given)
    if "input" not in shape.predict_arguments.values() and not code.PREDICT_CALL_BUILDER:
        table = "none of them is 'input', so no model would be given the feature table"
        yield Problem("model_interface.predict_arguments", shape.predict_arguments, table)
    for key in ("RAW_INPUT_PROVIDER", "GROUND_TRUTH_RESOLVER"):
        if path := getattr(code, key):
            posted = "contradicts feed.provider 'posted': the operator posts inputs and truths"
            yield Problem(f"callables.{key}", path, posted)
    if challenge.replay_allowed:
        live = "contradicts feed.provider 'posted': an opened round is asked once, and live"
        yield Problem("replay_allowed", True, live)
