"""Everything in a spec that contradicts something else in it.

Add a rule to the module of what it is about, and its name here; avoid rules of one field or one
section (they stand with it).
"""

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.spec.rules.configs import (
    calls_end_before_the_next_round,
    configs_are_distinct,
    configs_ask_for_what_the_feed_has,
    every_argument_has_a_source,
    rounds_are_instants_the_feed_resolves,
    somebody_reads_every_scope_key,
)
from coordinator_pipelines.domain.spec.rules.emission import (
    an_own_strategy_has_its_code,
    payouts_ask_for_more_than_ranks_do,
    payouts_use_metrics_produced,
    tiers_are_those_of_what_decides,
)
from coordinator_pipelines.domain.spec.rules.ensembles import (
    ensembles_are_distinct,
    own_weights_have_their_code,
    payouts_know_their_ensemble,
    weights_look_at_what_was_known,
    weights_look_no_further_than_boards,
)
from coordinator_pipelines.domain.spec.rules.feed import (
    the_convention_is_that_of_the_provider,
    the_feed_answers_in_time,
    the_reference_is_another_source_of_the_same,
    the_warm_up_holds_a_record,
)
from coordinator_pipelines.domain.spec.rules.opened_rounds import (
    opened_rounds_are_told_by_their_tables,
    whoever_opens_rounds_brings_the_data,
)
from coordinator_pipelines.domain.spec.rules.periods import (
    dates_lie_on_the_grid,
    intervals_agree,
    out_of_sample_is_never_replayed,
)
from coordinator_pipelines.domain.spec.rules.ranking import (
    certainty_agrees_with_what_is_scored,
    metrics_have_what_they_need,
    models_can_be_ranked,
    the_ranking_agrees_with_its_key,
    the_ranking_uses_metrics_produced,
    windows_and_metrics_are_distinct,
)
from coordinator_pipelines.domain.spec.rules.scoring import (
    one_rule_scores,
    the_feed_has_a_price_at_every_step,
)
from coordinator_pipelines.domain.spec.rules.seasons import (
    seasons_cut_nothing_in_two,
    seasons_follow_one_another,
)

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
    one_rule_scores,
    the_feed_has_a_price_at_every_step,
    windows_and_metrics_are_distinct,
    the_ranking_uses_metrics_produced,
    the_ranking_agrees_with_its_key,
    metrics_have_what_they_need,
    models_can_be_ranked,
    certainty_agrees_with_what_is_scored,
    intervals_agree,
    out_of_sample_is_never_replayed,
    payouts_use_metrics_produced,
    payouts_ask_for_more_than_ranks_do,
    tiers_are_those_of_what_decides,
    an_own_strategy_has_its_code,
    ensembles_are_distinct,
    weights_look_at_what_was_known,
    weights_look_no_further_than_boards,
    own_weights_have_their_code,
    payouts_know_their_ensemble,
    whoever_opens_rounds_brings_the_data,
    opened_rounds_are_told_by_their_tables,
    seasons_follow_one_another,
    seasons_cut_nothing_in_two,
)


def contradictions(challenge: Challenge) -> list[Problem]:
    """Every problem of every rule, in the order of the rules."""
    return [problem for rule in RULES for problem in rule(challenge)]
