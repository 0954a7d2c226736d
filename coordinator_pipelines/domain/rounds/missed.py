"""Rounds that should have been asked live and were not, each with the reason.

Add here what explains an absence of rounds; avoid absent answers of single models (those are
cells). Nothing of this is stored: it is the difference between the timetable and the ledger, so
that a capture that never started shows as well.
"""

from datetime import datetime

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.ledger import ROUND, Ledger, Mode
from coordinator_pipelines.domain.rounds.opened_round import timeline
from coordinator_pipelines.domain.rounds.timetable import unpaused
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window

NOBODY = "no capture was running"


def live_rounds(
    challenge: Challenge, ledger: Ledger, window: Window, now: datetime | None = None
) -> pd.DataFrame:
    """What became of the live rounds of a window: those of the timeline that are not paused.

    With ``status`` (ASKED, VOID or MISSED) and ``reason``. Rounds from before the challenge was
    live are not among them, nor opened ones that can still be asked ``now`` (by default
    the window's end). ``window.end`` should not be later than what a capture can have finished.
    """
    due = unpaused(timeline(challenge, ledger, window), ledger.pauses())
    stored = ledger.rounds(Mode.LIVE, window.start, window.end)
    rounds = due.merge(stored[[*ROUND, "status", "reason"]], on=ROUND, how="left")
    if challenge.is_operated:
        over = rounds["ask_until"] < (now or window.end)
        rounds = rounds[rounds["status"].notna() | over].copy()
    else:
        first = ledger.first_captured_at()
        rounds = rounds[rounds["performed_at"] >= pd.Timestamp(first)] if first else rounds[:0]
    rounds = rounds.reset_index(drop=True)
    missed = rounds["status"].isna()
    rounds["status"] = rounds["status"].mask(missed, "MISSED")
    if missed.any():
        rounds.loc[missed, "reason"] = _reasons(rounds.loc[missed, ROUND], ledger, window)
    return rounds


def _reasons(missed: pd.DataFrame, ledger: Ledger, window: Window) -> list[str]:
    leases = ledger.leases(window.start, window.end)
    claimed = missed.merge(leases[[*ROUND, "run_id"]], on=ROUND, how="left")["run_id"]
    responsible = _responsible(missed, ledger.captures(window.start, window.end))
    return [
        f"capture {_short(run)} claimed it and did not finish"
        if isinstance(run, str)
        else _unclaimed(capture)
        for run, capture in zip(claimed, responsible, strict=True)
    ]


def _responsible(missed: pd.DataFrame, captures: pd.DataFrame) -> list[str | None]:
    """The capture that was there and should have asked each round; None where none was."""
    at = missed["performed_at"]
    responsible = np.full(len(missed), None, dtype=object)
    until = captures["ended_at"].fillna(captures["alive_until"])
    for capture, end in zip(captures.itertuples(), until, strict=True):
        there = (at >= capture.started_at) & (at <= end)
        responsible[there & (at >= capture.span_start) & (at < capture.span_end)] = capture.run_id
    return list(responsible)


def _unclaimed(capture: str | None) -> str:
    return f"capture {_short(capture)} did not get to it in time" if capture else NOBODY


def _short(run_id: str) -> str:
    """A run id as the Dagster UI shows it."""
    return run_id[:8]


def stretches(missed: pd.DataFrame) -> list[str]:
    """One text per run of missed rounds with one reason, in order."""
    if missed.empty:
        return []
    ordered = missed.sort_values(["prediction_config_id", "performed_at"])
    change = (
        (ordered["reason"] != ordered["reason"].shift())
        | (ordered["prediction_config_id"] != ordered["prediction_config_id"].shift())
    ).to_numpy()
    texts = []
    for _, rows in ordered.groupby(np.cumsum(change)):
        first, last = rows["performed_at"].iloc[0], rows["performed_at"].iloc[-1]
        day = "%Y-%m-%d " if last.date() > first.date() else ""
        until = "" if len(rows) == 1 else f" to {last:{day}%H:%M:%S}"
        texts.append(
            f"MISSED {first:%Y-%m-%d %H:%M:%S}{until} UTC ({len(rows)} rounds): "
            f"{rows['reason'].iloc[0]}"
        )
    return texts
