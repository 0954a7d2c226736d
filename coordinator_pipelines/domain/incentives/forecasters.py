"""Who takes part: honest rivals, and one forecaster that is honest or tries something else.

Add a way of being dishonest here; avoid what it earns (``simulation``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.incentives.answers import Form
from coordinator_pipelines.domain.incentives.world import Belief, World, ignorance
from coordinator_pipelines.domain.spec.challenge import Challenge

RIVALS = 7
EXAGGERATION = 1.1
"""How many times as much as it should one trusts its signal who sharpens; who flattens, so many
times less. A probability of 0.7 becomes 0.74, or 0.67; a density gets so many times narrower."""
LEFT_OUT = 0.5
"""The share of rounds, the hardest, that one leaves out who answers when sure..."""
WITHIN_COVERAGE = 0.9
"""...or so much of what the minimum coverage allows, if that is less."""
CLONES = 3
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Player:
    """One model as it answers in every field."""

    name: str
    belief: Belief
    silent: Flags | None = None
    """[field, round]: where it does not answer."""
    outcome: Outcome = Outcome.ABSTAINED
    """What becomes of the rounds in which it does not answer."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the one forecaster tries: which player answers for it, under which accounts."""

    name: str
    player: str
    accounts: tuple[str, ...] = ("own",)
    """Of each of its models."""
    kind: Literal["honest", "distorted", "silent", "copied"] = "honest"
    """``copied``: another's idea is entered, or its own several times."""


HONEST = "calibrated"
RIVAL = "rival-1"


def rivals(made: World) -> list[Player]:
    """The honest ones that the forecaster plays against."""
    return [Player(f"rival-{k}", belief) for k, belief in enumerate(made.honest[1:], 1)]


def baselines(challenge: Challenge, made: World) -> list[Player]:
    """The models without skill that the spec names."""
    named = (challenge.baseline_model, challenge.emission.baseline_model)
    return [Player(name, ignorance(made.honest[0])) for name in dict.fromkeys(filter(None, named))]


def attempts(challenge: Challenge, form: Form, made: World) -> tuple[list[Player], list[Attempt]]:
    """Everything that the forecaster may try, the honest answer first, and how it answers."""
    own = made.honest[0]
    silent = list(_silent(challenge, form, made))
    sharpened = Player("sharpened", own.turned(EXAGGERATION))
    flattened = Player("flattened", own.turned(1 / EXAGGERATION))
    accounts = tuple(f"own-{k}" for k in range(1, CLONES + 1))
    tried = [
        Attempt(HONEST, HONEST),
        Attempt("sharpened", sharpened.name, kind="distorted"),
        Attempt("flattened", flattened.name, kind="distorted"),
        *(Attempt(player.name, player.name, kind="silent") for player in silent),
        Attempt("copying a rival", RIVAL, kind="copied"),
        Attempt(f"{CLONES} models, one owner", HONEST, accounts[:1] * CLONES, "copied"),
        Attempt(f"{CLONES} accounts, one idea", HONEST, accounts, "copied"),
    ]
    return [Player(HONEST, own), sharpened, flattened, *silent], tried


def _silent(challenge: Challenge, form: Form, made: World) -> Iterator[Player]:
    """Those who answer only when sure: in each way of not answering that costs something else."""
    allowed = 1 - challenge.ranking.minimum_coverage
    share = min(LEFT_OUT, WITHIN_COVERAGE * allowed)
    sure = form.sureness(made.honest[0], made.size)
    # Ties of sureness are broken by the round's place, so that the share is exact.
    places = np.argsort(np.argsort(sure, axis=1, kind="stable"), axis=1)
    silent = places < int(share * sure.shape[1])
    if not silent.any():
        return
    known = set[str]()
    for name, outcome in (
        ("silent when unsure", Outcome.ABSTAINED),
        ("failing when unsure", Outcome.FAILED),
        ("late when unsure", Outcome.TIMEOUT),
    ):
        rule = challenge.missing_data.rule(outcome)
        if rule not in known:
            known.add(rule)
            yield Player(name, made.honest[0], silent, outcome)
