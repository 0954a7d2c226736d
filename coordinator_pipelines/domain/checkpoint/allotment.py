"""From boards to whole shares: candidates, payees, what they earn, caps and rounding, in one go.

Add here how the steps of a payout follow one another; avoid the steps themselves (``candidates``,
``payees``, ``strategies``, ``shares``), and what a checkpoint says beside them (``checkpoint``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from coordinator_pipelines.domain.checkpoint.candidates import candidates
from coordinator_pipelines.domain.checkpoint.payees import Field, field_of
from coordinator_pipelines.domain.checkpoint.shares import (
    WHOLE,
    distributed,
    in_billionths,
    largest_remainder,
)
from coordinator_pipelines.domain.checkpoint.strategies import AuthorStrategy, earned
from coordinator_pipelines.domain.leaderboard.ranking import Entry
from coordinator_pipelines.domain.spec.challenge import Challenge


@dataclass(frozen=True, slots=True)
class Allotment:
    """Who gets which share of a period."""

    field: Field
    earned: list[Fraction]
    """Of each payee, before caps and rests."""
    shares: list[int]
    """Of each payee, in billionths."""
    treasury: int
    """The treasury's share; 0 without one."""


def allotment(
    challenge: Challenge,
    boards: Sequence[Sequence[Entry]],
    accounts: Mapping[str, str],
    own: AuthorStrategy | None,
) -> Allotment:
    """How a period is shared out.

    Args:
        challenge: gives basis, conditions, strategy, cap and rest.
        boards: the entries of the period's boards in order; the basis ``board`` needs the last.
        accounts: model id -> the owner's account.
        own: the author's callable, for the strategy ``author``.

    Raises:
        CallableError: the author's callable raised, or returned no weights.
    """
    emission, found = challenge.emission, candidates(challenge, boards)
    field = field_of(challenge, found, accounts)
    values = {one.model_id: one.value for one in found if one.value is not None}
    parts = earned(challenge, field.payees, values, own)
    amounts, left = distributed(parts, in_billionths(emission.owner_cap), emission.rest_rule)
    treasury = left if emission.treasury else Fraction()
    if sum(amounts, treasury) == 0:
        return Allotment(field, parts, [0] * len(parts), 0)
    *shares, rest = largest_remainder([*amounts, treasury], WHOLE)
    return Allotment(field, parts, shares, rest)
