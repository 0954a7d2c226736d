"""What each kind of forecaster would earn, by the challenge's own chain from answers to shares.

Add here what is told of it; avoid worlds (``world``), answers, forecasters, and the chain itself.

The forecaster that is looked at plays against honest rivals of the same skill: it alone may be
dishonest. All attempts are made in the same fields, so that their differences are not luck.

References: Gneiting, T. and Raftery, A. E. (2007): Strictly proper scoring rules, prediction, and
estimation. JASA 102, 359-378. Witkowski, J., Freeman, R., Wortman Vaughan, J., Pennock, D. M. and
Krause, A. (2018): Incentive-compatible forecasting competitions. AAAI 32, 1282-1289: a proper score
alone does not make a competition for a prize honest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.author.scorer import is_row_wise
from coordinator_pipelines.domain.checkpoint.copies import copies
from coordinator_pipelines.domain.checkpoint.period_answers import numbers_of
from coordinator_pipelines.domain.incentives.answers import Form, forms
from coordinator_pipelines.domain.incentives.chain import Chain, Result, scores
from coordinator_pipelines.domain.incentives.forecasters import (
    RIVALS,
    Attempt,
    Player,
    attempts,
    baselines,
    rivals,
)
from coordinator_pipelines.domain.incentives.rounds import Calendar, calendar
from coordinator_pipelines.domain.incentives.world import Array, Belief, World, world
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.sections import SERIES_STATISTICS

FIELDS = 200
FIELDS_ROW_BY_ROW = 80
"""A scorer that is called row by row may take a quarter of a millisecond for each."""
FIELDS_OF_TABLES = 60
"""A table is as much work as a dozen answers."""
FIELDS_OF_TIERS = 20
"""Tiers of a board take a bootstrap each."""
FIELDS_OF_A_PROBE = 2
"""Fields on which it is tried which answers a challenge takes."""
SURE = 3.0
"""Standard errors beyond which a difference is not luck: one in 700."""
NOTHING = 1e-9
"""A difference of shares that is none: the unit in which they are paid."""
MOST_COMPARED = 200
"""Rounds of a period in which copies are looked for."""


class NotSimulated(Exception):
    """Why nothing can be said; the text is for the author."""


@dataclass(frozen=True, slots=True)
class Earning:
    """What one attempt of the forecaster comes to, over all fields."""

    name: str
    score: float | None
    """The mean of what ranks; None if it is never ranked."""
    rank: float | None
    share: float
    """The mean of its accounts' shares of the payout together, 1 being all of it."""
    share_error: float
    """Standard error of that mean."""
    more: float
    """By how much the share is above that of honest answers in the same fields."""
    more_error: float
    """Standard error of the difference."""
    verdict: Literal["", "more", "as much"]
    """``more``: dishonesty pays. ``as much``: it costs nothing, where it should."""
    stopped: bool
    """Whether the check of copies stops the payout until an operator has looked at it."""


@dataclass(frozen=True, slots=True)
class Incentives:
    """What a challenge's own rules pay for honest and for dishonest answers."""

    form: str
    """The answers that were simulated."""
    fields: int
    rounds: int
    """Of each field."""
    earnings: tuple[Earning, ...]
    """The honest one first."""

    @property
    def problems(self) -> tuple[Earning, ...]:
        """The attempts that are worth as much as honesty, or more."""
        return tuple(one for one in self.earnings if one.verdict)


def incentives(challenge: Challenge, rules: Rules, fields: int = FIELDS) -> Incentives:
    """What calibrated, sharpened, flattened, silent and copying forecasters would earn.

    Raises:
        NotSimulated: it is not known what an answer or a truth of the challenge looks like.
        CallableError: the author's code cannot be used.
    """
    _check_simulable(challenge, rules)
    days = calendar(challenge)
    form = _form(days, rules)
    fields = min(fields, _affordable(challenge, rules, form))
    made = world(fields, days.rounds, form.rows, RIVALS + 1)
    own, tried = attempts(challenge, form, made)
    against, ignorant = rivals(made), baselines(challenge, made)
    chain = Chain(days, rules, form, made, [*against, *ignorant, *own])
    names = [[player.name for player in players] for players in (against, ignorant)]
    results = [chain.results(attempt, *names) for attempt in tried]
    earnings = tuple(
        _earning(attempt, result, results[0], form, _stopped(challenge, form, made, attempt))
        for attempt, result in zip(tried, results, strict=True)
    )
    return Incentives(form.name, fields, days.rounds, earnings)


def _check_simulable(challenge: Challenge, rules: Rules) -> None:
    if challenge.scoring is not None and challenge.scoring.in_steps:
        raise NotSimulated("answers tell each step of the horizon")
    if rules.resolve is not None:
        raise NotSimulated("truths come from GROUND_TRUTH_RESOLVER, code of the challenge's own")
    if rules.aggregate is not None:
        return  # what decides is whatever that code returns
    ranking, emission = challenge.ranking, challenge.emission
    if emission.strategy == "contribution":
        raise NotSimulated("emission.strategy 'contribution' pays for what the whole field answers")
    deciding = {ranking.key, *ranking.tie_breakers, emission.metric}
    for metric in challenge.metrics:
        if metric.name in deciding and metric.statistic in SERIES_STATISTICS:
            raise NotSimulated(f"the metric {metric.name} decides, and needs rounds one by one")


def _affordable(challenge: Challenge, rules: Rules, form: Form) -> int:
    """How many fields take a few seconds."""
    if challenge.emission.ties == "tier":
        return FIELDS_OF_TIERS
    if form.rows > 1:
        return FIELDS_OF_TABLES
    return FIELDS_ROW_BY_ROW if is_row_wise(rules.score) else FIELDS


def _form(days: Calendar, rules: Rules) -> Form:
    """The answers that the challenge takes; of several, those whose honest ones score best."""
    groups = forms(days.challenge)
    for group in groups:
        tried = [
            (value, form) for form in group if (value := _worth(days, rules, form)) is not None
        ]
        if tried:
            return max(tried, key=lambda one: one[0])[1]
    known = dict.fromkeys(form.name.split(", ")[-1] for group in groups for form in group)
    raise NotSimulated(
        f"its validator and its scorer take no answer that is known here ({', '.join(known)}), or "
        "score all answers alike"
    )


def _worth(days: Calendar, rules: Rules, form: Form) -> float | None:
    """What honest answers of a form score, more being better; None if they cannot be told."""
    made = world(FIELDS_OF_A_PROBE, days.rounds, form.rows, 1)
    honest = made.honest[0]
    opposite = Belief(-honest.mean, honest.deviation)
    players = [Player("honest", honest), Player("opposite", opposite)]
    scored = scores(days, rules, form, made, players)
    values = scored["value"].where(scored["rule"] == "scorer")
    own, other = (values[scored["model_id"] == player.name].to_numpy() for player in players)
    if np.isnan(own).any() or np.array_equal(own, other):
        return None
    return math.fsum(own) if days.challenge.score_direction == "desc" else -math.fsum(own)


def _earning(
    attempt: Attempt, results: Sequence[Result], honest: Sequence[Result], form: Form, stopped: bool
) -> Earning:
    shares = np.array([one.share for one in results])
    own = np.array([one.share for one in honest])
    # Among the honest, what one earns and what any of them earns is the same in expectation.
    any_of_them = (own + RIVALS * np.array([one.others for one in honest])) / (RIVALS + 1)
    if attempt.kind == "honest":
        shares = own = any_of_them
    mean, error = min((_mean(shares - other) for other in (own, any_of_them)), key=_luck)
    ranks = [one.rank for one in results if one.rank is not None]
    values = [one.score for one in results if one.score is not None]
    verdict: Literal["", "more", "as much"] = ""
    if mean > max(SURE * error, NOTHING) and not stopped:
        verdict = "more"
    elif form.says_sureness and attempt.kind == "distorted" and _same_scores(results, honest):
        verdict = "as much"
    return Earning(
        attempt.name,
        math.fsum(values) / len(values) if values else None,
        sum(ranks) / len(ranks) if ranks else None,
        *_mean(shares), mean, error, verdict, stopped,
    )  # fmt: skip


def _luck(estimate: tuple[float, float]) -> float:
    return estimate[1]


def _same_scores(results: Sequence[Result], honest: Sequence[Result]) -> bool:
    return [one.score for one in results] == [one.score for one in honest]


def _mean(values: Array) -> tuple[float, float]:
    """The mean, and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def _stopped(challenge: Challenge, form: Form, made: World, attempt: Attempt) -> bool:
    """Whether the check of copies finds, in a period's answers, what is entered several times."""
    if attempt.kind != "copied":
        return False
    intervals = [config.interval_seconds for config in challenge.configs]
    held = sum(challenge.checkpoint_seconds // every for every in intervals if every)
    rounds = min(held or made.size[0].size, MOST_COMPARED)
    beliefs = {player.name: player.belief for player in rivals(made)}
    accounts = [*beliefs, *attempt.accounts]
    entered = beliefs.get(attempt.player, made.honest[0])
    columns = [
        _numbers(form, belief, made.size, rounds)
        for belief in [*beliefs.values(), *[entered] * len(attempt.accounts)]
    ]
    found = copies(np.stack(columns, axis=-1), accounts)
    return any(one.second >= len(beliefs) for one in found)


def _numbers(form: Form, belief: Belief, size: Array, rounds: int) -> Array:
    """The numbers of the first answers: [number, round]."""
    answers = islice(form.answers(belief, size), rounds)
    return np.array([numbers_of(answer) for answer in answers]).T
