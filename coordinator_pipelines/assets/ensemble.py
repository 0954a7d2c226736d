"""The asset ``ensemble``: what the challenge's ensembles answered in each round of a window."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from coordinator_pipelines.assets.report import Report, Verdict, of_mode
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.assets.tables import ensemble_table
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.ensemble.ensembles import Computed, EnsembleStage
from coordinator_pipelines.domain.membership.standing import modes
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, batches, within
from coordinator_pipelines.partitions import begun_windows

WINDOWS_PER_READ = 24


@stage(
    after=("scores",),
    kind="aggregation",
    checks={"every_answer_scored": "The scorer has a score for every answer of an ensemble."},
)
def ensemble(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    clock: dg.ResourceParam[Clock],
) -> Iterator[Verdict]:
    """What each ensemble of the spec answered in the rounds of the window, and how it scored.

    The weights of a round rest on outcomes that were known when it was asked; they reach back
    beyond this partition. Beside its own score, each answer has what it would have scored without
    each of its members. Ensembles are never ranked, paid, or charged for a round.
    """
    now, taking_part = clock.now(), modes(ledger)
    stages = [
        EnsembleStage(challenge, rules, ledger, mode, context.run.run_id) for mode in taking_part
    ]
    for batch in batches(begun_windows(context, challenge, now), WINDOWS_PER_READ):
        facts: dict[Window, dict[str, Any]] = {window: {} for window in batch}
        problems: dict[Window, list[str]] = {window: [] for window in batch}
        for own, mode in zip(stages, taking_part, strict=True):
            computed = own.compute(Window(batch[0].start, batch[-1].end), now)
            context.log.info(f"{computed.added} answers of ensembles added")
            for window in batch:
                told, unscored = _told(challenge, computed, window)
                facts[window] |= of_mode(mode, taking_part, told)
                problems[window] += [f"{mode.value}: {problem}" for problem in unscored]
        for window in batch:
            report = Report(context, window)
            report.metadata(**facts[window])
            yield report.check("every_answer_scored", problems[window])


def _told(
    challenge: Challenge, computed: Computed, window: Window
) -> tuple[dict[str, Any], list[str]]:
    """What to show of a window, and which answers have no score."""
    answers = within(computed.answers, window)
    answers = answers[answers["status"] == Outcome.SUCCESS.value]
    unscored = answers[answers["value"].isna()]
    problems = [
        f"{row.model_id}: {row.performed_at:%Y-%m-%d %H:%M:%S UTC}: {row.failed_reason}"
        for row in unscored.itertuples()
    ]
    facts: dict[str, Any] = {"answers": len(answers)}
    if len(answers):
        facts["ensembles"] = ensemble_table(
            [
                _line(spec.name, spec.model_id, answers, computed.weights)
                for spec in challenge.ensembles
            ]
        )
    return facts, problems


def _line(name: str, model_id: str, answers: pd.DataFrame, weights: pd.DataFrame) -> dict[str, Any]:
    """An ensemble in a window: its answers, its mean score, and the weights of the last round."""
    own = answers[answers["model_id"] == model_id]
    line: dict[str, Any] = {"ensemble": name, "answers": len(own)}
    if own.empty:
        return line
    last = own.iloc[-1]
    rests_on = weights[
        (weights["model_id"] == model_id) & (weights["as_of"] == last["weights_as_of"])
    ]
    members = json.loads(str(last["members_json"]))
    heaviest = sorted(members, key=lambda model: (-members[model][0], model))[:5]
    return line | {
        "mean_score": None if own["value"].isna().all() else float(own["value"].mean()),
        "basis": json.loads(str(rests_on.iloc[-1]["weights_json"]))["basis"]
        if len(rests_on)
        else None,
        "heaviest": ", ".join(f"{model} {members[model][0]:.1%}" for model in heaviest),
    }
