"""What the asset ``prediction_batch`` says of a window: rounds, cells, absences, latency.

Add here what an operator should see of a batch; avoid filling it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import pandas as pd

from coordinator_pipelines.assets.report import Report, Verdict, of_mode
from coordinator_pipelines.assets.tables import counts_by_model, latency_table, model_events
from coordinator_pipelines.domain.doors.ledger import CELL, Ledger, Mode, RoundStatus
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.prediction_batch.prediction_batch import expected_cells
from coordinator_pipelines.domain.prediction_batch.timing import percentiles
from coordinator_pipelines.domain.rounds.missed import live_rounds, stretches
from coordinator_pipelines.domain.rounds.opened_round import timeline
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, within

MISSED = "MISSED"


def say(
    context: dg.AssetExecutionContext,
    challenge: Challenge,
    ledger: Ledger,
    windows: Sequence[Window],
    now: datetime,
    replayed: Mapping[Window, int],
) -> Iterator[Verdict]:
    """Report windows that follow on one another, in both modes; a verdict on each.

    ``replayed``: cells added, of the windows that were just replayed.
    """
    span = Window(windows[0].start, windows[-1].end)
    live = _live_rounds(challenge, ledger, span, now)
    replay = _replay_rounds(challenge, ledger, span)
    timings = ledger.timings(span.start, span.end)
    events = ledger.model_events(span.start, span.end)
    for window in windows:
        rounds = {Mode.LIVE: within(live, window), Mode.REPLAY: within(replay, window)}
        if window not in replayed and (rounds[Mode.REPLAY]["status"] == MISSED).all():
            del rounds[Mode.REPLAY]
        if rounds[Mode.LIVE].empty:
            del rounds[Mode.LIVE]
        report = Report(context, window)
        problems = []
        for mode, own in rounds.items():
            facts, found = _mode(ledger, mode, window, own)
            if mode is Mode.REPLAY:
                facts["cells_added"] = replayed.get(window, 0)
            report.metadata(**of_mode(mode, rounds, facts))
            problems += list(of_mode(mode, rounds, dict.fromkeys(found)))
        happened = events[(events["at"] >= window.start) & (events["at"] < window.end)]
        if len(happened):
            report.metadata(model_events=model_events(happened))
        report.metadata(
            mode=" and ".join(mode.value for mode in rounds) or "none",
            **_latency(within(timings, window)),
        )
        yield report.check("coverage", problems)


def _live_rounds(challenge: Challenge, ledger: Ledger, span: Window, now: datetime) -> pd.DataFrame:
    until = min(span.end, now)
    if until <= span.start:
        return live_rounds(challenge, ledger, span, now).iloc[:0]
    return live_rounds(challenge, ledger, Window(span.start, until), now)


def _replay_rounds(challenge: Challenge, ledger: Ledger, span: Window) -> pd.DataFrame:
    stored = ledger.rounds(Mode.REPLAY, span.start, span.end)[[*CELL[:2], "status", "reason"]]
    rounds = timeline(challenge, ledger, span).merge(stored, on=CELL[:2], how="left")
    return rounds.assign(status=rounds["status"].fillna(MISSED))


def _mode(
    ledger: Ledger, mode: Mode, window: Window, rounds: pd.DataFrame
) -> tuple[dict[str, Any], list[str]]:
    """Facts of a window in one mode; what keeps it from being complete, a line each."""
    cells = ledger.predictions(mode, window.start, window.end, outputs=False)
    void = rounds[rounds["status"] == RoundStatus.VOID.value]
    missed = rounds[rounds["status"] == MISSED]
    facts = {
        "rounds": len(rounds),
        "void_rounds": len(void),
        "missed_rounds": len(missed),
        "cells": len(cells),
        **({"answered": float((cells["status"] == Outcome.SUCCESS).mean())} if len(cells) else {}),
        "outcomes": counts_by_model(cells),
    }
    asked = rounds[rounds["status"] == RoundStatus.ASKED.value]
    expected = expected_cells(asked, ledger.memberships(mode))
    return facts, [*_void(void), *stretches(missed), *_unanswered(expected, cells)]


def _void(void: pd.DataFrame) -> list[str]:
    at = void["performed_at"].dt.strftime("%Y-%m-%d %H:%M:%S UTC")
    return [str(text) for text in "VOID " + at + ": " + void["reason"].astype("str")]


def _unanswered(expected: pd.DataFrame, cells: pd.DataFrame) -> list[str]:
    both = expected.merge(cells[[*CELL, "status"]], on=CELL, how="left")
    unanswered = both.loc[both["status"].isna(), "model_id"].value_counts()
    return [f"{model}: {n} expected cells missing" for model, n in unanswered.items()]


def _latency(timings: pd.DataFrame) -> dict[str, Any]:
    figures = percentiles(timings)
    if not figures:
        return {}
    return {
        "latency": latency_table(figures),
        "coordinator_ms_p50": figures["coordinator_ms"]["p50"],
        "total_ms_p99": figures["total_ms"]["p99"],
    }
