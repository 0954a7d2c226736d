"""A revision: what changed between two versions of a final board, because of what.

Add here what a revision says; avoid which scores changed (``changed_scores``) and how a change is
attributed to them (``parts``). It is a function of what is stored, so it is told once, by whoever
comes first, and a run that was killed before it told one leaves that to the next.
"""

import json
import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.checkpoint.checkpoint import Checkpoints
from coordinator_pipelines.domain.checkpoint.period import period_of
from coordinator_pipelines.domain.checkpoint.settlement import changed_shares
from coordinator_pipelines.domain.doors.ledger import LEADERBOARD_COLUMNS
from coordinator_pipelines.domain.doors.revision import REVISION_COLUMNS
from coordinator_pipelines.domain.ground_truth.finality import truth_span
from coordinator_pipelines.domain.ground_truth.voided import void_versions
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.leaderboard.ranking import Entry
from coordinator_pipelines.domain.model_score.window_sums import WindowSums
from coordinator_pipelines.domain.revision.changed_scores import (
    changed_scores,
    scores_at,
    told_rounds,
)
from coordinator_pipelines.domain.revision.parts import Counted, counted_at, parts
from coordinator_pipelines.domain.timeline.window import trailing
from coordinator_pipelines.domain.values.content import canonical, content_hash
from coordinator_pipelines.domain.values.errors import CallableError

BOARDS_PER_READ = 24
"""Boards whose changed scores are read together."""
MOST_ROUNDS = 100
"""Rounds that a revision names, the earliest first; how many there are it says in any case."""
MOST_PARTS = 10
"""Rounds that it names of one model, those that moved it most first; of the rest, their sum."""
MOST_MOVES = 5


@dataclass(frozen=True, slots=True)
class Revisions:
    """Tells the revisions of one mode."""

    boards: Boards

    def tell(self, after: datetime, until: datetime) -> pd.DataFrame:
        """Store what is untold of boards with ``after < as_of <= until``; REVISION_COLUMNS of it.

        Where no final board was superseded, that is one look, and an empty frame.
        """
        ledger, mode = self.boards.ledger, self.boards.mode.value
        untold = ledger.untold_revisions(mode, after, until)
        told = []
        for start in range(0, len(untold), BOARDS_PER_READ):
            some = untold.iloc[start : start + BOARDS_PER_READ]
            rows = pd.DataFrame(self._told(some), columns=list(REVISION_COLUMNS))
            rows["as_of"] = pd.to_datetime(rows["as_of"], utc=True).astype("datetime64[us, UTC]")
            ledger.add_revisions(rows)
            told.append(rows)
        return pd.concat(told) if told else pd.DataFrame(columns=list(REVISION_COLUMNS))

    def _told(self, untold: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
        boards = self.boards
        ledger, challenge = boards.ledger, boards.challenge
        mode = boards.mode.value
        as_of = [at.to_pydatetime() for at in untold["as_of"].drop_duplicates()]
        stored = ledger.board_versions(mode, as_of).set_index(["as_of", "version"], drop=False)
        span = truth_span(challenge, as_of)
        longest = timedelta(hours=challenge.longest_window_hours)
        truths = ledger.truth_versions(span.start, span.end)
        voids = void_versions(truths, ledger.round_voids(span.start, span.end))
        versions = ledger.score_versions(
            mode, min(as_of) - longest, max(as_of), stored["created_at"].min().to_pydatetime()
        )
        statistics = boards.statistics(as_of)
        for at, version in untold.itertuples(index=False, name=None):
            before, after = stored.loc[(at, version - 1)], stored.loc[(at, version)]
            change = _Change(boards, at.to_pydatetime(), before, after)
            own = versions["resolvable_at"].between(at - longest, at, inclusive="right")
            document = change.document(versions[own], truths, voids, statistics)
            document["payout"] = self._payout(before, after)
            summary, digest = _summary(document), content_hash(document)
            name = revision_id(mode, at.to_pydatetime(), version)
            texts = (canonical(summary), canonical(document))
            yield (mode, at, version, name, digest, after["run_id"], *texts)

    def _payout(self, before: "pd.Series[Any]", after: "pd.Series[Any]") -> dict[str, Any] | None:
        """What the period of the board would have paid and would pay; None if it pays nothing."""
        period = period_of(self.boards.challenge, after["as_of"].to_pydatetime())
        checkpoints = Checkpoints(self.boards)
        rows = (each[list(LEADERBOARD_COLUMNS)].to_frame().T for each in (before, after))
        try:
            was, is_now = (checkpoints.shares_on(period, row) for row in rows)
        except CallableError as error:
            return {"period_end": period.end.isoformat(), "reason": str(error), "accounts": []}
        if was is None or is_now is None:
            return None
        changed = changed_shares(was, is_now)
        return {
            "period_end": period.end.isoformat(),
            "reason": None,
            "accounts": [
                {"account": one.account, "before": one.before, "after": one.after}
                for one in changed
            ],
        }


@dataclass(frozen=True, slots=True)
class _Change:
    """Two versions of the board of one instant."""

    boards: Boards
    as_of: datetime
    before: "pd.Series[Any]"
    after: "pd.Series[Any]"

    def document(
        self,
        versions: pd.DataFrame,
        truths: pd.DataFrame,
        voids: pd.MultiIndex,
        statistics: pd.DataFrame,
    ) -> dict[str, Any]:
        """What changed. ``versions``: of scores in the board's longest window."""
        was, is_now = (
            scores_at(versions, each["created_at"]) for each in (self.before, self.after)
        )
        changed = changed_scores(was, is_now, voids)
        rounds = told_rounds(changed, truths)
        entries = [_by_model(each) for each in (self.before, self.after)]
        windows = self._windows(entries, versions, was, is_now, changed, statistics)
        scorers = changed[["scorer_before", "scorer"]].dropna()
        pairs = Counter(map(tuple, scorers.to_numpy().tolist()))
        return {
            "mode": self.boards.mode.value,
            "as_of": self.as_of.isoformat(),
            "before": _identity(self.before),
            "after": _identity(self.after),
            "metric": self.boards.challenge.ranking.key,
            "causes": dict(sorted(Counter(c for one in rounds for c in one["causes"]).items())),
            "scorers": [
                {"before": old, "after": new, "scores": n}
                for (old, new), n in sorted(pairs.items())
                if old != new
            ],
            "scores_changed": len(changed),
            "rounds_changed": len(rounds),
            "rounds": rounds[:MOST_ROUNDS],
            "models": self._models(entries, changed, windows),
        }

    def _windows(
        self,
        entries: Sequence[Mapping[str, Entry]],
        versions: pd.DataFrame,
        was: pd.DataFrame,
        is_now: pd.DataFrame,
        changed: pd.DataFrame,
        statistics: pd.DataFrame,
    ) -> dict[str, "_Window"]:
        """Of each trailing window, what was counted before and after, and the parts."""
        challenge = self.boards.challenge
        models = sorted({*entries[0], *entries[1]})
        configs = [config.id for config in challenge.configs]
        sums = WindowSums(challenge, statistics, models, [self.as_of])
        newest = scores_at(versions, versions["created_at"].max())
        placed = [_placed(frame, models, configs) for frame in (was, is_now, newest, changed)]
        windows = {}
        for name, hours in challenge.trailing_windows_hours.items():
            start, _ = trailing(self.as_of, hours)
            told = sums.window(self.as_of, hours)
            now = Counted(told["n"], told["total"])
            inside = [frame[(frame["resolvable_at"] > start)] for frame in placed]
            before, after = (counted_at(now, each, inside[2]) for each in inside[:2])
            share = pd.Series(parts(inside[3], before, after), inside[3].index)
            windows[name] = _Window(models, before, after, share)
        return windows

    def _models(
        self,
        entries: Sequence[Mapping[str, Entry]],
        changed: pd.DataFrame,
        windows: Mapping[str, "_Window"],
    ) -> list[dict[str, Any]]:
        """The models that are told otherwise, in the order of the board, those gone last."""
        was, is_now = entries
        scores = dict(tuple(changed.groupby("model_id")))
        return [
            _told_model(was.get(name), is_now.get(name), scores.get(name, changed[:0]), windows)
            for name in [*is_now, *(name for name in was if name not in is_now)]
            if name in scores or _facts(was.get(name)) != _facts(is_now.get(name))
        ]


@dataclass(frozen=True, slots=True)
class _Window:
    """One trailing window in both versions; ``parts``: of each changed score in it, by index."""

    models: list[str]
    before: Counted
    after: Counted
    parts: "pd.Series[float]"

    def told(self, model_id: str, changed: pd.DataFrame) -> dict[str, Any]:
        """How the mean score of a model moved; ``change`` is the sum of all parts."""
        place = self.models.index(model_id)
        own = self.parts.reindex(changed.index).dropna()
        mean_before, mean = (_number(each.mean[place]) for each in (self.before, self.after))
        known = mean_before is not None and mean is not None
        return {
            "n_before": int(self.before.n[place].sum()),
            "n": int(self.after.n[place].sum()),
            "mean_before": mean_before,
            "mean": mean,
            "change": math.fsum(own) if known else None,
        }


def revision_id(mode: str, as_of: datetime, version: int) -> str:
    """The id of a revision: a function of the board that it is about."""
    return f"rev-{mode}-{as_of:%Y%m%dT%H%M}Z-v{version}"


def _told_model(
    was: Entry | None,
    is_now: Entry | None,
    changed: pd.DataFrame,
    windows: Mapping[str, _Window],
) -> dict[str, Any]:
    named = is_now or was or {}
    model_id = named["model_id"]
    largest = pd.DataFrame({n: w.parts.reindex(changed.index) for n, w in windows.items()})
    order = (-largest.abs().max(axis=1).fillna(0.0)).sort_values(kind="stable").index
    shown, rest = order[:MOST_PARTS], order[MOST_PARTS:]
    moved = largest.loc[shown].to_dict("records")
    return {
        "model_id": model_id,
        "model_name": named["model_name"],
        **{f"{name}_before": value for name, value in _facts(was).items()},
        **_facts(is_now),
        "scores_changed": len(changed),
        "windows": {name: window.told(model_id, changed) for name, window in windows.items()},
        "scores": [
            _told_score(cell, own)
            for cell, own in zip(changed.loc[shown].to_dict("records"), moved, strict=True)
        ],
        "rest": {
            "scores": len(rest),
            "parts": {name: math.fsum(largest.loc[rest, name].dropna()) for name in windows},
        },
    }


def _told_score(cell: Mapping[Hashable, Any], own: Mapping[Hashable, float]) -> dict[str, Any]:
    return {
        "prediction_config_id": cell["prediction_config_id"],
        "performed_at": cell["performed_at"].isoformat(),
        "causes": [cause.value for cause in cell["causes"]],
        "value_before": _number(cell["value_before"]),
        "value": _number(cell["value"]),
        "parts": {name: _number(value) for name, value in own.items()},
    }


def _facts(entry: Entry | None) -> dict[str, Any]:
    """What ranks a model; nothing of it for one that was not on the board."""
    if entry is None:
        return {"listed": False, "rank": None, "value": None, "unranked_reason": None}
    value = entry["score"]["ranking"]["value"]
    reason = entry["unranked_reason"]
    return {"listed": True, "rank": entry["rank"], "value": value, "unranked_reason": reason}


def _summary(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a list shows of a revision."""
    moved = [one for one in document["models"] if one["rank_before"] != one["rank"]]
    names = ("model_id", "model_name", "rank_before", "rank", "value_before", "value")
    same = ("causes", "scores_changed", "rounds_changed")
    payout = document["payout"]
    accounts = payout["accounts"] if payout else []
    return {
        **{name: document[name] for name in same},
        "models_changed": len(document["models"]),
        "moved": len(moved),
        "moves": [{name: one[name] for name in names} for one in moved[:MOST_MOVES]],
        "payout_period_end": payout["period_end"] if payout else None,
        "payout_moved": sum(max(one["after"] - one["before"], 0) for one in accounts),
    }


def _placed(cells: pd.DataFrame, models: list[str], configs: list[str]) -> pd.DataFrame:
    """The cells with their places in arrays [model, config]; -1 for none."""
    return cells.assign(
        model=pd.Index(models).get_indexer(pd.Index(cells["model_id"])),
        config=pd.Index(configs).get_indexer(pd.Index(cells["prediction_config_id"])),
    )


def _by_model(board: "pd.Series[Any]") -> dict[str, Entry]:
    return {entry["model_id"]: entry for entry in json.loads(board["entries_json"])}


def _identity(board: "pd.Series[Any]") -> dict[str, Any]:
    return {"version": int(board["version"]), "content_hash": board["content_hash"]}


def _number(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
