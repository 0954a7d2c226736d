"""Model scores, boards and checkpoints anew, each from the stored rows below it.

Add here what decides whether something published can be computed again; avoid computing it
(``leaderboard.boards``, ``checkpoint.checkpoint``). What is stored must fit its own hash, whatever
came since.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.audit.books import RUN, Audited
from coordinator_pipelines.domain.audit.finding import Checked, compared
from coordinator_pipelines.domain.checkpoint.checkpoint import Checkpoints
from coordinator_pipelines.domain.doors.published import (
    board_hash,
    checkpoint_hash,
    model_score_hash,
)
from coordinator_pipelines.domain.ground_truth.finality import is_of_record
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.leaderboard.leaderboard import ranked_under
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.content import canonical

MODEL_SCORES, BOARDS, CHECKPOINTS = "model_scores", "leaderboards", "checkpoints"
SCORE_KEY = ["mode", "as_of", "model_id", "version"]
BOARD_KEY = ["mode", "as_of", "version"]
CHECKPOINT_KEY = ["mode", "period_end", "version"]
NAMES = ("model_name", "cruncher_name", "cruncher_id")
INTERIM = "an interim board, shown and never paid: only its hash is computed again"
CAME_SINCE = "truths or scores of its windows were stored after it"
JOINED_SINCE = "a membership was stored after it"
RENAMED = "a model or its owner has another name since"
OTHER_SPEC = "the spec has changed since: {}"
NO_BOARD = "a board that it was paid on is not stored any more"


def check_model_scores(
    audited: Audited, after: datetime, until: datetime, *, interim: bool = False
) -> Checked:
    """Model scores with ``after < as_of <= until``; ``interim``: also between windows' ends."""
    stored = audited.books.published(audited.mode, after, until)
    checked = _hashed(MODEL_SCORES, stored, SCORE_KEY, _score_hash)
    due = _due(audited, stored, checked, interim)
    if due.empty:
        return checked
    again = _boards(audited).model_scores(_instants(due))
    again = again.merge(due[SCORE_KEY], on=SCORE_KEY[:-1])
    columns = ["metrics_json", "payload_json"]
    found = compared(MODEL_SCORES, due, again, SCORE_KEY, columns)
    if found.differences:
        excuses = _excuses(audited, due)
        found = compared(MODEL_SCORES, due, again, SCORE_KEY, columns, excuses)
    return _both(checked, found)


def check_boards(
    audited: Audited, after: datetime, until: datetime, *, interim: bool = False
) -> Checked:
    """Boards with ``after < as_of <= until``, from the stored model scores."""
    stored = audited.books.published_boards(audited.mode, after, until)
    checked = _hashed(BOARDS, stored, BOARD_KEY, _board_hash)
    due = _due(audited, stored, checked, interim)
    if due.empty:
        return checked
    as_of = _instants(due)
    scores = audited.books.model_scores(audited.mode, as_of)
    again = _boards(audited).leaderboards(as_of, scores).merge(due[BOARD_KEY], on=BOARD_KEY[:-1])
    columns = ["final", "entries_json", "meta_json"]
    found = compared(BOARDS, due, again, BOARD_KEY, columns)
    if found.differences:
        excuses = _excuses(audited, due)
        excuses = excuses.mask(_other_names(due, again), RENAMED)
        excuses = excuses.mask(excuses.isna(), _other_spec(audited, due))
        found = compared(BOARDS, due, again, BOARD_KEY, columns, excuses)
    return _both(checked, found)


def check_checkpoints(audited: Audited, after: datetime, until: datetime) -> Checked:
    """Every version of the checkpoints with ``after < period_end <= until``."""
    books = audited.books
    heads = books.checkpoint_heads(audited.mode.value)
    ends = heads.loc[(heads["period_end"] > after) & (heads["period_end"] <= until), "period_end"]
    stored = books.checkpoints(audited.mode.value, [*ends.unique()])
    checked = _hashed(CHECKPOINTS, stored, CHECKPOINT_KEY, _checkpoint_hash)
    for _, row in stored.iterrows():
        own = _without_settlements(stored.loc[[row.name]])
        again, excuse = _paid_again(audited, row)
        excuses = pd.Series([excuse], own.index, "object")
        columns = ["entries_json", "meta_json"]
        found = compared(CHECKPOINTS, own, again, CHECKPOINT_KEY, columns, excuses)
        checked = _both(checked, found)
    return checked


def _paid_again(audited: Audited, row: "pd.Series[Any]") -> tuple[pd.DataFrame, str | None]:
    """The payout on the boards that a checkpoint names, and why it may be another one by right."""
    meta = json.loads(row["meta_json"])
    named = [
        audited.books.board(
            audited.mode, datetime.fromisoformat(board["as_of"]), version=board["version"]
        )
        for board in meta["boards"]
    ]
    key = row[CHECKPOINT_KEY].to_frame().T
    if not named or any(board.empty for board in named):
        return key.iloc[:0], NO_BOARD
    period = Window(row["period_start"].to_pydatetime(), row["period_end"].to_pydatetime())
    boards = pd.concat(named, ignore_index=True)
    payout = Checkpoints(_boards(audited)).payout(boards, period, dry_run=True)
    again = pd.DataFrame(
        [(*row[CHECKPOINT_KEY], canonical(payout.entries), canonical(payout.meta))],
        columns=[*CHECKPOINT_KEY, "entries_json", "meta_json"],
    )
    emission = audited.challenge.emission.model_dump(mode="json")
    changed = sorted(name for name in emission if emission[name] != meta["emission"].get(name))
    excuse = OTHER_SPEC.format(", ".join(f"emission.{n}" for n in changed)) if changed else None
    return _without_settlements(again), excuse


def _without_settlements(checkpoints: pd.DataFrame) -> pd.DataFrame:
    """What one period settles of others depends on what was corrected and paid by then."""
    metas = [{**json.loads(text), "settlements": []} for text in checkpoints["meta_json"]]
    return checkpoints.assign(meta_json=list(map(canonical, metas)))


def _boards(audited: Audited) -> Boards:
    return Boards(audited.challenge, audited.rules, audited.books, audited.mode, RUN, audited.now)


def _due(audited: Audited, stored: pd.DataFrame, checked: Checked, interim: bool) -> pd.DataFrame:
    """The rows to compute anew: those whose instant ends a window; others are told as withheld."""
    if interim or stored.empty:
        return stored
    instants = stored["as_of"].drop_duplicates()
    record = {at for at in instants if is_of_record(audited.challenge, at.to_pydatetime())}
    chosen = stored["as_of"].isin(record)
    if not chosen.all():
        checked.withheld[INTERIM] += int((~chosen).sum())
    return stored[chosen].reset_index(drop=True)


def _instants(rows: pd.DataFrame) -> list[datetime]:
    return [at.to_pydatetime() for at in rows["as_of"].drop_duplicates().sort_values()]


def _both(hashed: Checked, found: Checked) -> Checked:
    """The two looks at the same rows; a row that differs in both is told once."""
    known = {tuple(one.row.items()) for one in hashed.differences}
    hashed.differences += [one for one in found.differences if tuple(one.row.items()) not in known]
    hashed.withheld += found.withheld
    return hashed


def _hashed(
    step: str, stored: pd.DataFrame, key: Sequence[str], digest: Callable[[Any], str]
) -> Checked:
    """Whether each row fits the hash that was stored with it."""
    if stored.empty:
        return Checked(step)
    again = stored.assign(content_hash=[digest(row) for row in stored.itertuples()])
    return compared(step, stored, again, key, ["content_hash"])


def _score_hash(row: Any) -> str:
    return model_score_hash(json.loads(row.metrics_json), json.loads(row.payload_json))


def _board_hash(row: Any) -> str:
    entries, meta = json.loads(row.entries_json), json.loads(row.meta_json)
    return board_hash(entries, meta, final=bool(row.final))


def _checkpoint_hash(row: Any) -> str:
    return checkpoint_hash(json.loads(row.entries_json), json.loads(row.meta_json))


def _excuses(audited: Audited, rows: pd.DataFrame) -> "pd.Series[str]":
    """Of each row: what came after it that it would have counted, or None."""
    longest = timedelta(hours=audited.challenge.longest_window_hours)
    joined = audited.books.last_member_at(audited.mode)
    resolved = {
        at: audited.books.last_resolved_at(audited.mode, at - longest, at) for at in _instants(rows)
    }

    def excuse(at: pd.Timestamp, created_at: pd.Timestamp) -> str | None:
        came = resolved[at.to_pydatetime()]
        if came is not None and came > created_at:
            return CAME_SINCE
        return JOINED_SINCE if joined is not None and joined > created_at else None

    pairs = zip(rows["as_of"], rows["created_at"], strict=True)
    return pd.Series([excuse(*pair) for pair in pairs], rows.index, "object")


def _other_names(stored: pd.DataFrame, again: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a board names its models otherwise than it would today."""
    today = dict(zip(again["as_of"], again["entries_json"], strict=True))
    pairs = zip(stored["entries_json"], stored["as_of"], strict=True)
    told = [_named(text) != _named(today.get(at, "[]")) for text, at in pairs]
    return pd.Series(told, stored.index, dtype=bool)


def _named(text: str) -> dict[str, list[Any]]:
    return {entry["model_id"]: [entry.get(n) for n in NAMES] for entry in json.loads(text)}


def _other_spec(audited: Audited, stored: pd.DataFrame) -> "pd.Series[str]":
    """What of the spec a board was ranked under is another today, or None."""
    today = ranked_under(audited.challenge)

    def changed(text: str) -> str | None:
        then = json.loads(text)
        names = sorted(name for name in today if then.get(name) != today[name])
        return OTHER_SPEC.format(", ".join(names)) if names else None

    return pd.Series([changed(text) for text in stored["meta_json"]], stored.index, "object")
