"""Scores and their statistics anew: from stored answers and truths, and from stored scores.

Add here what decides whether a score can be given again; avoid scoring (``domain.score``).
"""

import pandas as pd

from coordinator_pipelines.domain.audit.books import RUN, Audited
from coordinator_pipelines.domain.audit.finding import Checked, compared
from coordinator_pipelines.domain.doors.ledger import ROUND, STATISTIC_COLUMNS
from coordinator_pipelines.domain.prediction_batch.answer_hash import is_unchanged
from coordinator_pipelines.domain.score.score import CONTENT, score_batch
from coordinator_pipelines.domain.score.statistics import GROUP, score_statistics
from coordinator_pipelines.domain.timeline.window import Window

STEP, STATISTICS = "scores", "score_statistics"
CELL = ["mode", *ROUND, "model_id"]
CHANGED = "an answer of its round does not fit its hash"
RESCORE = "its {} has a newer version; materialize scores again"
OTHER_SCORER = "it was given by {}, and the spec names {} today"


def check_scores(audited: Audited, span: Window) -> Checked:
    """The newest score of each cell of a span."""
    books, challenge = audited.books, audited.challenge
    stored = books.scores(audited.mode, span.start, span.end)
    if stored.empty:
        return Checked(STEP)
    answers = books.predictions(audited.mode, span.start, span.end)
    truths = books.ground_truths(span.start, span.end)
    sound = is_unchanged(answers)
    intact = answers if sound.all() else answers[sound].reset_index(drop=True)
    again = score_batch(challenge, audited.rules, intact, truths, run_id=RUN)
    excuses = _excuses(audited.rules.scorer, stored, answers[~sound], again)
    key = [*CELL, "version"]
    again = again.merge(stored[key], on=CELL)
    return compared(STEP, stored, again, key, ("resolvable_at", *CONTENT), excuses)


def check_statistics(audited: Audited, span: Window) -> Checked:
    """The statistics of the buckets that end after the span's start, up to its end."""
    books, bucket = audited.books, audited.challenge.statistics_bucket
    stored = books.score_statistics(audited.mode, span.start, span.end)
    if stored.empty:
        return Checked(STATISTICS)
    after = stored["bucket_end"].min().to_pydatetime() - bucket
    until = stored["bucket_end"].max().to_pydatetime()
    scores = books.scores_resolved(audited.mode, after, until)
    again = score_statistics(scores, bucket)
    sums = [name for name in STATISTIC_COLUMNS if name not in GROUP]
    return compared(STATISTICS, stored, again, GROUP, sums)


def _excuses(
    scorer: str, stored: pd.DataFrame, changed: pd.DataFrame, again: pd.DataFrame
) -> "pd.Series[str]":
    """Why a score may come out otherwise by right, or None."""
    excuses = pd.Series(None, stored.index, "object")
    if len(changed):
        rounds = pd.MultiIndex.from_frame(changed[ROUND])
        excuses[pd.MultiIndex.from_frame(stored[ROUND]).isin(rounds)] = CHANGED
    newest = stored[CELL].merge(
        again[[*CELL, "prediction_version", "truth_version"]], on=CELL, how="left"
    )
    for name, what in (("prediction_version", "answer"), ("truth_version", "truth")):
        older = (newest[name] > stored[name]) & (stored[name] >= 1)
        excuses[older.to_numpy()] = RESCORE.format(what)
    other = (stored["scorer"] != scorer).to_numpy() & stored["scorer"].notna().to_numpy()
    given = stored.loc[other, "scorer"]
    excuses[other] = [OTHER_SCORER.format(name, scorer) for name in given]
    return excuses
