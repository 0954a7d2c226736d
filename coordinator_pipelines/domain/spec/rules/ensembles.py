"""Rules of ensembles: each is one of its kind, and knows when the past was known.

A rule yields every problem it finds.
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.spec.rules.positions import repeated

KEY = "ENSEMBLE_WEIGHTS"


def ensembles_are_distinct(challenge: Challenge) -> Iterator[Problem]:
    """Every ensemble has a name of its own."""
    names = [ensemble.name for ensemble in challenge.ensembles]
    for i in repeated(names):
        taken = f"the same as of ensembles[{names.index(names[i])}]"
        yield Problem(f"ensembles[{i}].name", names[i], taken)


def weights_look_at_what_was_known(challenge: Challenge) -> Iterator[Problem]:
    """When an operator posts a truth is not part of it, so nobody can say who knew it when."""
    if not challenge.is_operated:
        return
    for i, ensemble in enumerate(challenge.ensembles):
        if ensemble.looks_back:
            yield Problem(
                f"ensembles[{i}].strategy", ensemble.strategy,
                "would weigh by outcomes that an operator posts, which may not have been known "
                "when a round was asked; use equal_weight without filters",
            )  # fmt: skip


def weights_look_no_further_than_boards(challenge: Challenge) -> Iterator[Problem]:
    """What is older than the longest trailing window decides nothing any more."""
    longest = challenge.longest_window_hours
    for i, ensemble in enumerate(challenge.ensembles):
        if ensemble.window_hours is not None and ensemble.window_hours > longest:
            more = f"more than the longest of trailing_windows_hours ({longest})"
            yield Problem(f"ensembles[{i}].window_hours", ensemble.window_hours, more)


def own_weights_have_their_code(challenge: Challenge) -> Iterator[Problem]:
    """The strategy ``author`` and its callable come together."""
    path = getattr(challenge.callables, KEY)
    own = [i for i, each in enumerate(challenge.ensembles) if each.strategy == "author"]
    if path is None:
        for i in own:
            yield Problem(f"ensembles[{i}].strategy", "author", f"needs callables.{KEY}")
    elif not own:
        unused = "is never called: no ensemble has the strategy 'author'"
        yield Problem(f"callables.{KEY}", path, unused)


def payouts_know_their_ensemble(challenge: Challenge) -> Iterator[Problem]:
    """Contributions that are paid are to an ensemble of this challenge."""
    weights = challenge.emission.contribution
    names = [ensemble.name for ensemble in challenge.ensembles]
    if weights is not None and weights.ensemble is not None and weights.ensemble not in names:
        known = f"not among the ensembles ({', '.join(names) or 'none'})"
        yield Problem("emission.contribution.ensemble", weights.ensemble, known)
