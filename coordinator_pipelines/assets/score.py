"""The asset ``scores``: every prediction of a window against the truth."""

import json
from collections.abc import Collection, Iterator
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from coordinator_pipelines.assets.pictures import calibration, illustrated
from coordinator_pipelines.assets.report import Report, Verdict, of_mode, summary
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.assets.tables import calibration_by_model, scores_by_model
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import CELL, Ledger, TruthState
from coordinator_pipelines.domain.membership.standing import modes
from coordinator_pipelines.domain.metrics.calibration import calibration_errors, reliability
from coordinator_pipelines.domain.score.scoring import Scoring
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, batches, within
from coordinator_pipelines.partitions import run_windows

WINDOWS_PER_READ = 24
RESTORE = (
    "someone has changed the row in the database. It is not scored. Bring back the rows of "
    "`predictions` from a backup, then materialize these windows again"
)


@stage(
    after=("prediction_batch", "ground_truth"),
    kind="evaluation",
    checks={
        "score_completeness": "Every cell whose outcome is final has a score or its cost, and "
        "every answer is as it was stored."
    },
)
def scores(
    context: dg.AssetExecutionContext,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
) -> Iterator[Verdict]:
    """The score of each prediction of the window against its final ground truth.

    A cell without a valid answer gets what the challenge's missing-data policy says it costs.
    Scores of an outcome that changed are added as a new version. The hourly statistics, from
    which the trailing windows are added up, follow in the same transaction.

    An answer that was changed in the database does not fit its hash: it is not scored, nobody is
    charged for it, and the check says which it is.
    """
    taking_part, windows = modes(ledger), run_windows(context, challenge)
    pictured = illustrated(windows)
    for batch in batches(windows, WINDOWS_PER_READ):
        facts: dict[Window, dict[str, Any]] = {window: {} for window in batch}
        problems: dict[Window, list[str]] = {window: [] for window in batch}
        for mode in taking_part:
            scored = Scoring(challenge, rules, ledger, mode, context.run.run_id)
            for window, told, unscored in _computed(context, scored, batch, pictured):
                facts[window] |= of_mode(mode, taking_part, told)
                problems[window] += unscored
        for window in batch:
            report = Report(context, window)
            report.metadata(**facts[window])
            yield report.check("score_completeness", problems[window])


def _computed(
    context: dg.AssetExecutionContext,
    scoring: Scoring,
    windows: list[Window],
    pictured: Collection[Window],
) -> Iterator[tuple[Window, dict[str, Any], list[str]]]:
    """Score and store the windows in one mode; of each, what to show and what has no score."""
    span = Window(windows[0].start, windows[-1].end)
    scored = scoring.score(span)
    written = scored.written
    if not written.added:
        context.log.info("No predictions were scored in this cycle")
    else:
        context.log.info(f"Scored {written.added} predictions, {written.revised} of them again")
    if len(scored.changed):
        context.log.error(f"{summary(_changed(scored.changed))}; {RESTORE}")
    stored = scoring.ledger.scores(scoring.mode, span.start, span.end)
    for window in windows:
        told, unscored, cells = _told(
            *(within(frame, window) for frame in (scored.predictions, scored.truths, stored))
        )
        unscored += _changed(within(scored.changed, window))
        yield window, told | _calibration(cells, pictured=window in pictured), unscored


def _told(
    predictions: pd.DataFrame, truths: pd.DataFrame, scores: pd.DataFrame
) -> tuple[dict[str, Any], list[str], pd.DataFrame]:
    """What to show of a window, what has no score, and its cells whose outcome is final."""
    final = truths.loc[truths["state"] == TruthState.FINAL.value, [*CELL[:2], "outcome"]]
    cells = predictions.merge(final, on=CELL[:2]).merge(
        scores[[*CELL, "value", "rule"]], on=CELL, how="left"
    )
    unscored = cells.loc[cells["rule"].isna(), "model_id"].value_counts()
    mean = scores["value"].mean()
    facts = {
        "scores": int(scores["value"].notna().sum()),
        **({} if pd.isna(mean) else {"mean_score": float(mean)}),
        "excluded": int(scores["value"].isna().sum()),
        "revised": int((scores["version"] > 1).sum()),
        "by_model": scores_by_model(scores),
    }
    return facts, [f"{model}: {n} cells without a score" for model, n in unscored.items()], cells


def _changed(predictions: pd.DataFrame) -> list[str]:
    """A line for each answer that is not as it was stored."""
    return [
        f"{row.model_id}: the stored answer of {row.performed_at:%Y-%m-%d %H:%M:%S UTC} "
        f"({row.mode}, {row.prediction_config_id}, version {row.version}) does not fit its hash"
        for row in predictions.itertuples()
    ]


def _calibration(cells: pd.DataFrame, *, pictured: bool) -> dict[str, Any]:
    """How well each model is calibrated, where outputs say a probability of "up"."""
    answered = cells[cells["output_json"].notna() & cells["outcome"].notna()]
    outputs = json.loads(f"[{','.join(answered['output_json'])}]")
    points = reliability(answered.assign(said=np.array(list(map(_probability, outputs)), float)))
    if points.empty:
        return {}
    table = calibration_by_model(calibration_errors(points))
    plot = {"calibration": calibration(points)} if pictured else {}
    return {"calibration_by_model": table, **plot}


def _probability(output: Any) -> float:
    """What an output says of "up"; NaN if it says nothing of the kind."""
    said = output.get("p_up") if isinstance(output, dict) else None
    return float(said) if isinstance(said, int | float) else float("nan")
