"""Whether a live challenge works from end to end: every model scored and on the board, no stubs.

Add here what must be there, or must not, before a challenge counts as working; avoid waiting for
it (``verify-e2e``) and alarms of one that works (``vital_signs``). What is read is as long as the
span that is judged.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import ROUND, Ledger, Mode, TruthState
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.ground_truth import resolution
from coordinator_pipelines.domain.rounds.timetable import LEAD
from coordinator_pipelines.domain.spec.challenge import Challenge

CONVINCING = 10
"""So many rounds of nothing but equal or failed scores are no accident."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a challenge; it works if nothing is missing and nothing is wrong."""

    models: tuple[str, ...]
    """Ids of the active models."""
    scores: int
    ranked: int
    missing: tuple[str, ...]
    """What is not there yet, in the order of the pipeline; it may still come."""
    wrong: tuple[str, ...]
    """What shows that the challenge does not work, however long one waits."""

    @property
    def works(self) -> bool:
        """Whether everything is there and nothing is wrong."""
        return not self.missing and not self.wrong


def convincing_rounds(challenge: Challenge) -> int:
    """Rounds after which equal or failed scores are held against a challenge: 3 to 10."""
    return max(3, min(challenge.ranking.minimum_samples, CONVINCING))


def patience(challenge: Challenge) -> timedelta:
    """How long a challenge that has just been started may need to show that it works.

    The start, rounds enough to tell a stub, the horizon of the config that is soonest through,
    the bar that proves its last price final, and two refreshes of the board. Rounds that an
    operator opens take as long as the operator; of them it is one horizon.
    """
    rounds = convincing_rounds(challenge)
    asking = min(
        rounds * timedelta(seconds=config.interval_seconds or 0) + config.cadence.horizon
        for config in challenge.configs
    )
    feed = challenge.feed
    proof = timedelta(seconds=feed.granularity_seconds + feed.publication_delay_seconds)
    return LEAD + asking + proof + resolution.patience(challenge)


def judge(
    challenge: Challenge,
    ledger: Ledger,
    *,
    expected: Collection[str],
    excepted: Collection[str],
    since: datetime,
    now: datetime,
) -> Verdict:
    """Whether a challenge works, going by what became due in (since, now].

    Args:
        challenge: gives the ranking key and how many rounds convince.
        ledger: where it stores.
        expected: ids of models that must take part, whether or not they have joined yet. Those
            that have joined, and not left, must too.
        excepted: ids of models that need not.
        since: what is older does not count.
        now: the present.
    """
    stays = ledger.memberships(Mode.LIVE)
    joined = set(stays.loc[stays["left_at"].isna(), "model_id"])
    models = sorted((joined | set(expected)) - set(excepted))
    cells = ledger.scores_resolved(Mode.LIVE, since, now)
    cells = cells[cells["model_id"].isin(models)]
    scored = cells[(cells["rule"] == "scorer") & cells["value"].notna()]
    entries = _entries(ledger, since, now)
    missing = [
        *_nobody(models),
        *(_pipeline(ledger, since, now) if cells.empty else ()),
        *_not_joined(ledger, models, joined),
        *_unscored(cells, scored, joined.intersection(models)),
        *_not_on_board(entries, set(scored["model_id"])),
        *_alike(scored, entries, convincing_rounds(challenge)),
    ]
    return Verdict(
        models=tuple(models),
        scores=len(scored),
        ranked=sum(entries[name]["rank"] is not None for name in entries if name in models),
        missing=tuple(missing),
        wrong=tuple(_wrong(cells, scored, convincing_rounds(challenge))),
    )


def _entries(ledger: Ledger, since: datetime, now: datetime) -> dict[str, dict[str, Any]]:
    """The newest board's entries by model; none if it is from before."""
    board = ledger.newest_leaderboard(Mode.LIVE, now)
    if board.empty or board["as_of"].item() <= pd.Timestamp(since):
        return {}
    return {entry["model_id"]: entry for entry in json.loads(board["entries_json"].item())}


def _nobody(models: Collection[str]) -> Iterator[str]:
    if not models:
        yield "no model takes part"


def _pipeline(ledger: Ledger, since: datetime, now: datetime) -> Iterator[str]:
    """How far the pipeline has got, while there is no score at all."""
    rounds = ledger.rounds(Mode.LIVE, since, now)
    asked = rounds[rounds["status"] == "ASKED"]
    if rounds.empty:
        yield "no round was captured yet"
    elif asked.empty:
        yield f"every round is VOID ({len(rounds)}): {rounds['reason'].iloc[-1]}"
    else:
        yield _outcomes(asked, ledger.ground_truths(since, now))


def _outcomes(asked: pd.DataFrame, truths: pd.DataFrame) -> str:
    void = truths[truths["state"] != TruthState.FINAL.value]
    if truths.empty:
        return f"no outcome yet of the rounds that were asked ({len(asked)})"
    if len(void) == len(truths):
        return (
            f"no outcome counts ({len(void)}): {void['state'].iloc[-1]}, {void['reason'].iloc[-1]}"
        )
    return f"no scores yet of the rounds that have an outcome ({len(truths)})"


def _not_joined(ledger: Ledger, models: Collection[str], joined: set[str]) -> Iterator[str]:
    events = ledger.newest_model_events().set_index("model_id")["reason"]
    for model in models:
        if model not in joined:
            reason = events.get(model)
            yield f"{model} has not joined" + (f": {reason}" if isinstance(reason, str) else "")


def _unscored(cells: pd.DataFrame, scored: pd.DataFrame, joined: Collection[str]) -> Iterator[str]:
    if cells.empty:
        return
    for model in sorted(set(joined) - set(scored["model_id"])):
        own = cells[cells["model_id"] == model]
        yield f"{model} has no scored prediction" + (f" ({_failures(own)})" if len(own) else "")


def _failures(cells: pd.DataFrame) -> str:
    """Outcomes of cells that were not scored, and the newest reason."""
    counts = cells["status"].value_counts()
    text = ", ".join(f"{count} {status}" for status, count in counts.items())
    reasons = cells.sort_values("performed_at")["failed_reason"].dropna()
    return f"{text}: {reasons.iloc[-1]}" if len(reasons) else text


def _not_on_board(entries: Mapping[str, dict[str, Any]], scored: Collection[str]) -> Iterator[str]:
    """Of the models with a score, those that the board does not value."""
    if scored and not entries:
        yield "there is no leaderboard yet"
        return
    for model in sorted(scored):
        if model not in entries:
            yield f"{model} is not on the leaderboard"
        elif entries[model]["score"]["ranking"]["value"] is None:
            key = entries[model]["score"]["ranking"]["key"]
            yield f"{model} has no value for {key} on the leaderboard"


def _alike(
    scored: pd.DataFrame, entries: Mapping[str, dict[str, Any]], convincing: int
) -> Iterator[str]:
    """What looks like a stub, and may yet turn out not to be one."""
    if scored.empty:
        return
    if _equal(scored["value"]):
        yield f"{_equals(scored)}; {_rounds(scored)} of {convincing} rounds that decide"
        return
    means = scored.groupby("model_id")["value"].mean()
    metrics = [entries[name]["score"]["metrics"] for name in means.index if name in entries]
    if len(metrics) > 1 and not _equal(means) and all(each == metrics[0] for each in metrics):
        yield "all models have the same metrics on the leaderboard, though their scores differ"


def _wrong(cells: pd.DataFrame, scored: pd.DataFrame, convincing: int) -> Iterator[str]:
    """What a stub looks like after rounds enough."""
    if _rounds(cells) < convincing:
        return
    if scored.empty:
        yield f"every prediction of {_rounds(cells)} rounds failed ({_failures(cells)})"
    elif _equal(scored["value"]) and _rounds(scored) >= convincing:
        yield f"{_equals(scored)}: a scoring function or models that are only stubs"
    else:
        # A model may abstain as often as it likes: that shows nothing yet.
        answered = cells[cells["status"] != Outcome.ABSTAINED.value]
        own = answered[~answered["model_id"].isin(scored["model_id"])]
        for model, failed in own.groupby("model_id"):
            if _rounds(failed) >= convincing:
                yield f"every prediction of {model} failed ({_failures(failed)})"


def _equal(values: "pd.Series[float]") -> bool:
    return bool(values.min() == values.max())


def _equals(scored: pd.DataFrame) -> str:
    return f"all {len(scored)} scores are {scored['value'].iloc[0]:g}"


def _rounds(cells: pd.DataFrame) -> int:
    return len(cells[ROUND].drop_duplicates())
