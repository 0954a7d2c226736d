"""What an operator should look at although the challenge is alive: warnings beside vital signs.

Add a concern here, with its line in CONCERNS; avoid what stops a challenge (``vital_signs``) and
how people are told (``incidents``). One may be about several things at once, such as models: each
is told of on its own. What is read spans a few rounds or an hour, whatever the history.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.checkpoint.checkpoint import Payout, inconsistencies
from coordinator_pipelines.domain.checkpoint.desk import open_findings
from coordinator_pipelines.domain.checkpoint.state import Progress, progress_by_checkpoint
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.doors.machine import Machine, Room
from coordinator_pipelines.domain.health.model import TROUBLE
from coordinator_pipelines.domain.health.vital_signs import CHECKS, VitalSign, vital_signs
from coordinator_pipelines.domain.leaderboard import leaderboard
from coordinator_pipelines.domain.spec.challenge import Challenge

FAILING_ROUNDS = 10
"""A model without an answer in so many rounds that follow one another is in trouble."""
EQUAL_ROUNDS = 10
"""So many rounds of nothing but equal scores are no accident."""
NEWEST_PERIODS = 3
LEAST_FREE = 0.05
LEAST_FREE_BYTES = 2 * 1024**3
"""There must be room for that share of a file system, or for so many bytes if that is less."""
HOUR = timedelta(hours=1)

CONCERNS = {
    "models_answer": (
        "prediction_batch",
        f"No model was without an answer in each of its last {FAILING_ROUNDS} rounds.",
    ),
    "scores_differ": ("scores", "The scores of the last hour are not all equal."),
    "payout_is_clear": (
        "leaderboard",
        "No board that is about to be paid is inconsistent, and no finding about it is open.",
    ),
    "storage_has_room": ("feed_records", "Databases, logs and Dagster's files have room to grow."),
    "backup_is_recent": ("leaderboard", "The newest backup is not older than its limit."),
}
"""Name of the concern -> the asset that it is a check of, and what it says."""
SIGNS = CHECKS | CONCERNS
"""All that somebody is told of."""

Alarms = Mapping[tuple[str, str], str]
"""Name of the sign, and what it is about where it may be about several things -> the problem."""


def signs(challenge: Challenge, ledger: Ledger, machine: Machine, now: datetime) -> list[VitalSign]:
    """The vital signs, and the concerns in the same form."""
    by_name: dict[str, list[str]] = {name: [] for name in CONCERNS}
    for (name, _), problem in concerns(challenge, ledger, machine, now).items():
        by_name[name].append(problem)
    return vital_signs(challenge, ledger, now) + [
        VitalSign(name, CONCERNS[name][0], "; ".join(problems) or None, None)
        for name, problems in by_name.items()
    ]


def alarms(challenge: Challenge, ledger: Ledger, machine: Machine, now: datetime) -> Alarms:
    """Everything that is wrong now."""
    red = {(s.name, ""): s.problem for s in vital_signs(challenge, ledger, now) if s.problem}
    return red | dict(concerns(challenge, ledger, machine, now))


def concerns(challenge: Challenge, ledger: Ledger, machine: Machine, now: datetime) -> Alarms:
    """What deserves a look. Models, scores and payouts only of what was ever live."""
    found = {("storage_has_room", room.path): text for room, text in _full(machine)}
    old = _backup(machine, now)
    if old is not None:
        found["backup_is_recent", ""] = old
    if ledger.first_captured_at() is None:
        return found
    found |= {("models_answer", model): text for model, text in _failing(challenge, ledger, now)}
    equal = _equal_scores(ledger, now)
    if equal is not None:
        found["scores_differ", ""] = equal
    return found | {("payout_is_clear", name): text for name, text in _unclear(challenge, ledger)}


def _failing(challenge: Challenge, ledger: Ledger, now: datetime) -> Iterator[tuple[str, str]]:
    """Members whose last rounds all went without an answer, as often as the fastest config asks."""
    intervals = [c.interval_seconds for c in challenge.configs if c.interval_seconds]
    reach = (FAILING_ROUNDS + 2) * timedelta(seconds=min(intervals, default=3600))
    cells = ledger.predictions(Mode.LIVE, now - reach, now, outputs=False)
    stays = ledger.memberships(Mode.LIVE)
    members = set(stays.loc[stays["left_at"].isna(), "model_id"])
    cells = cells[cells["model_id"].isin(members)].sort_values("performed_at", kind="stable")
    for model, own in cells.groupby("model_id"):
        instants = own["performed_at"].drop_duplicates().tail(FAILING_ROUNDS)
        last = own[own["performed_at"].isin(instants)]
        if len(instants) == FAILING_ROUNDS and last["status"].isin(TROUBLE).all():
            newest = last.iloc[-1]
            reason = f": {newest['failed_reason']}" if newest["failed_reason"] else ""
            text = f"no answer in the last {FAILING_ROUNDS} rounds, {newest['status']}{reason}"
            yield str(model), f"{model}: {text}"[:300]


def _equal_scores(ledger: Ledger, now: datetime) -> str | None:
    """That all scores of the last hour are the same number, if several models had some."""
    scores = ledger.score_values(Mode.LIVE, now - HOUR, now).dropna(subset=["value"])
    rounds = scores["performed_at"].nunique()
    if rounds < EQUAL_ROUNDS or scores["model_id"].nunique() < 2:
        return None
    if scores["value"].min() != scores["value"].max():
        return None
    value = scores["value"].iloc[0]
    return f"all {len(scores)} scores of the last {rounds} rounds are {value:g}"


def _unclear(challenge: Challenge, ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Newest checkpoints that nobody has sent yet, and what speaks against paying them."""
    heads = ledger.checkpoint_heads(Mode.LIVE.value, newest=NEWEST_PERIODS)
    newest = heads.drop_duplicates("period_end", keep="last")
    told = progress_by_checkpoint(ledger.checkpoint_events(list(newest["id"])))
    for name in newest["id"]:
        own = told.get(name, Progress())
        if own.in_flight:
            continue
        stored = ledger.checkpoint(name).iloc[0]
        problems = [*_inconsistent(challenge, ledger, stored), *open_findings(stored, own)]
        if problems:
            yield name, f"{name}: {'; '.join(problems)}"[:500]


def _inconsistent(challenge: Challenge, ledger: Ledger, stored: "pd.Series[Any]") -> Iterator[str]:
    """What is wrong with a checkpoint and with the boards that it is paid on."""
    meta = json.loads(stored["meta_json"])
    payout = Payout(json.loads(stored["entries_json"]), meta)
    yield from inconsistencies(payout, challenge.emission.owner_cap)
    as_of = stored["as_of"].to_pydatetime()
    board = ledger.newest_leaderboard(Mode.LIVE, as_of)
    paid_on = meta["boards"][-1] if meta["boards"] else None
    if board.empty or paid_on is None or board["as_of"].item() != stored["as_of"]:
        yield f"the board as of {as_of:%Y-%m-%d %H:%M} UTC is gone"
        return
    if board["content_hash"].item() != paid_on["content_hash"]:
        yield f"the board as of {as_of:%Y-%m-%d %H:%M} UTC has another version than it is paid on"
    entries = json.loads(board["entries_json"].item())
    yield from leaderboard.inconsistencies(
        entries, [entry["model_id"] for entry in entries],
        ranked_by_key=challenge.callables.LEADERBOARD_RANKER is None,
    )  # fmt: skip


def _full(machine: Machine) -> Iterator[tuple[Room, str]]:
    for room in machine.rooms():
        if room.free < min(LEAST_FREE * room.total, LEAST_FREE_BYTES):
            share = room.free / room.total
            yield room, f"{room.path} has {room.free / 1024**3:.1f} GiB left ({share:.1%})"


def _backup(machine: Machine, now: datetime) -> str | None:
    backups = machine.backups()
    if backups is None:
        return None
    hours = backups.limit / HOUR
    if backups.newest is None:
        return f"there is no backup in {backups.directory}; the limit is {hours:g} h"
    age = now - backups.newest
    if age <= backups.limit:
        return None
    return (
        f"the newest backup in {backups.directory} is {age / HOUR:.0f} h old, the limit {hours:g} h"
    )
