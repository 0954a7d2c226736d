"""Who can be paid: the models of a board in its order, one payee per owner's account.

Add here what makes a model a payee, or not; avoid how much payees get (``strategies``). An owner
with ten models has one place, that of the best of them: copies win nothing. Accounts that the spec
links are one owner, paid to the account of the best model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator_pipelines.domain.doors.models import UNKNOWN_OWNER
from coordinator_pipelines.domain.leaderboard.ranking import Entry, key_window
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.sections import Direction


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model as it stands on what a checkpoint is paid on, best first."""

    entry: Entry
    value: float | None
    """What decides: the ranking value, another metric, or a mean over boards."""
    direction: Direction
    """Which way the value is better."""
    alike: tuple[Any, ...]
    """Equal for models that nothing tells apart."""
    unpaid: str | None = None
    """Why it cannot be paid, if what decides says so."""

    @property
    def model_id(self) -> str:
        """Id of the model."""
        return str(self.entry["model_id"])


@dataclass(frozen=True, slots=True)
class Payee:
    """An account that is paid, and the model that won its place."""

    account: str
    candidate: Candidate
    place: int
    """The first of the places that it shares with those that are tied with it."""
    tied: int
    """How many share those places; 1 without a tie."""


@dataclass(slots=True)
class Field:
    """The payees in order, and everybody else with the reason."""

    payees: list[Payee] = field(default_factory=list)
    unpaid: list[tuple[Candidate, str]] = field(default_factory=list)


def field_of(
    challenge: Challenge, candidates: Sequence[Candidate], accounts: Mapping[str, str]
) -> Field:
    """Who is paid, place by place.

    Args:
        challenge: gives the conditions.
        candidates: every model, best first.
        accounts: model id -> the owner's account.
    """
    made = Field()
    best: dict[str, tuple[str, Candidate]] = {}
    for candidate in candidates:
        account = accounts.get(candidate.model_id, UNKNOWN_OWNER)
        reason = _reason(challenge, candidate, account)
        owner = challenge.emission.linked.get(account, account)
        if reason is None and owner in best:
            paid, winner = best[owner]
            linked = "" if paid == account else f" ({account} and {paid} are linked accounts)"
            reason = f"its owner is paid for {winner.model_id}{linked}"
        if reason is None:
            best[owner] = account, candidate
        else:
            made.unpaid.append((candidate, reason))
    made.payees = list(_placed(list(best.values())))
    return made


def _placed(ordered: Sequence[tuple[str, Candidate]]) -> Iterator[Payee]:
    alike = [candidate.alike for _, candidate in ordered]
    for account, candidate in ordered:
        first = alike.index(candidate.alike)
        yield Payee(account, candidate, first + 1, alike.count(candidate.alike))


def _reason(challenge: Challenge, candidate: Candidate, account: str) -> str | None:
    """Why a model is not paid, whatever the others are; None if it can be."""
    entry, emission = candidate.entry, challenge.emission
    if candidate.unpaid or entry["rank"] is None:
        return candidate.unpaid or str(entry["unranked_reason"])
    if candidate.model_id in emission.unpaid_models:
        return "never paid in this challenge (unpaid_models)"
    if account == UNKNOWN_OWNER:
        return "its owner's account is not known"
    if emission.minimum_samples is not None:
        window = entry["score"]["payload"]["windows"][key_window(challenge, deciding(challenge))]
        own = window["n"] - window["n_imputed"]
        if own < emission.minimum_samples:
            return f"minimum sample of a payout: {own} of {emission.minimum_samples}"
    least, value = emission.minimum_score, candidate.value
    sign = 1 if candidate.direction == "desc" else -1
    if least is not None and value is not None and sign * value < sign * least:
        return f"its score is worse than {least:g} (minimum_score)"
    return None


def deciding(challenge: Challenge) -> str:
    """The name of the metric that decides."""
    return challenge.emission.metric or challenge.ranking.key
