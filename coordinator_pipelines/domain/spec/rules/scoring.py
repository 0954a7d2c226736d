"""Rules of scoring: one rule, of rounds that it can be applied to.

A rule yields every problem it finds.
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.spec.rules.positions import config_field
from coordinator_pipelines.domain.spec.scoring import MOST_STEPS


def one_rule_scores(challenge: Challenge) -> Iterator[Problem]:
    """A built-in rule stands instead of code, and scores prices by what it needs of them."""
    scoring, code = challenge.scoring, challenge.callables
    if scoring is None:
        return
    if code.SCORING_FUNCTION:
        contradiction = "contradicts callables.SCORING_FUNCTION: give one of them"
        yield Problem("scoring.rule", scoring.rule, contradiction)
    if challenge.is_operated:
        needed = "scores changes of a price, and feed.provider 'posted' has none"
        yield Problem("scoring.rule", scoring.rule, needed)
    elif code.GROUND_TRUTH_RESOLVER:
        contradiction = "contradicts callables.GROUND_TRUTH_RESOLVER: it scores the feed's prices"
        yield Problem("scoring.rule", scoring.rule, contradiction)


def the_feed_has_a_price_at_every_step(challenge: Challenge) -> Iterator[Problem]:
    """Steps end with bars, and are not too many."""
    scoring, bar = challenge.scoring, challenge.feed.granularity_seconds
    if scoring is None or not scoring.in_steps or challenge.is_operated:
        return
    for i, config in enumerate(challenge.scheduled_prediction_configs):
        step, horizon = config.scope_template.step, config.scope_template.horizon
        field = f"{config_field(i)}.scope_template.step"
        if horizon // step > MOST_STEPS:
            most = f"makes {horizon // step} steps; at most {MOST_STEPS} are scored"
            yield Problem(field, step, most)
        if step % bar:
            between = f"not a multiple of feed.granularity_seconds ({bar})"
            yield Problem(field, step, between)
