"""What ``doctor`` tells of a challenge's incentives: whether honest answers earn the most.

Add here how that is put; avoid simulating it (``domain.incentives``).
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.incentives.simulation import (
    Earning,
    Incentives,
    NotSimulated,
    incentives,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.scaffold.checkup import Finding

SUBJECT = "incentives"
STRICT = "strict_incentives asks for more"
NOTHING_FOUND = "nothing dishonest earns more by more than three standard errors"
COLUMNS = ("forecaster", "mean score", "mean rank", "share of payout", "above honest")


def examine_incentives(challenge: Challenge) -> Finding:
    """Simulate what forecasters would earn; takes seconds."""
    strict = challenge.strict_incentives
    try:
        told = incentives(challenge, load_rules(challenge))
    except NotSimulated as reason:
        text = f"not simulated: {reason}" + (f"; {STRICT}" if strict else "")
        return Finding(SUBJECT, text, wrong=strict, doubtful=True)
    except CoordinatorError as error:
        return Finding(SUBJECT, str(error), wrong=True)
    problems = "; ".join(_problem(one) for one in told.problems)
    basis = f"{told.fields} made-up fields of {told.rounds} rounds, answers: {told.form}"
    return Finding(
        SUBJECT,
        f"{problems or NOTHING_FOUND} ({basis})",
        wrong=strict and any(one.verdict == "more" for one in told.problems),
        doubtful=bool(problems),
        lines=tuple(_lines(told)),
    )


def _problem(one: Earning) -> str:
    if one.verdict == "as much":
        return f"{one.name}: scored exactly as the honest answer is, so nothing is lost by it"
    return f"{one.name}: earns {100 * one.more:.1f} points more of the payout than honesty"


def _lines(told: Incentives) -> Iterator[str]:
    yield _row(*COLUMNS)
    for one in told.earnings:
        above = (
            "" if one is told.earnings[0] else f"{100 * one.more:+.1f} ± {100 * one.more_error:.1f}"
        )
        yield _row(
            one.name,
            "unranked" if one.score is None else f"{one.score:.5g}",
            "" if one.rank is None else f"{one.rank:.1f}",
            _percent(one.share),
            f"{above} (stopped as a copy until acknowledged)" if one.stopped else above,
        )


def _row(name: str, *cells: str) -> str:
    return (
        f"{name:<22}" + "".join(f"{cell:>17}" for cell in cells[:3]) + f"  {cells[3]:>14}"
    ).rstrip()


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
