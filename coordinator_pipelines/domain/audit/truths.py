"""Truths anew: the outcome of each round from the feed records, or the posting, that it names.

Add here what decides whether a truth can be told again; avoid deciding an outcome
(``domain.ground_truth``).
"""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.audit.books import Audited
from coordinator_pipelines.domain.audit.finding import Checked, compared, withheld
from coordinator_pipelines.domain.audit.rounds import NOT_IN_SPEC, OWN_IO
from coordinator_pipelines.domain.doors.ledger import ROUND, TruthState
from coordinator_pipelines.domain.ground_truth.ground_truth import RESOLVER, resolve
from coordinator_pipelines.domain.ground_truth.posted import resolve_posted
from coordinator_pipelines.domain.ground_truth.voided import void_versions
from coordinator_pipelines.domain.rounds.opened_round import timeline
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.domain.timeline.window import Window

STEP = "ground_truths"
KEY = [*ROUND, "version"]
CONTENT = (
    "resolvable_at", "subject", "entry_price", "resolved_price", "outcome", "state", "reason",
    "payload_json", "entry_record_version", "resolved_record_version",
)  # fmt: skip
VOIDED = "an operator voided the round"
PRUNED = "a feed record that it was read from is not stored any more"
REVISED = "a feed record was revised since; materialize ground_truth again"
CAME_LATER = "what was missing by its deadline may have come since"
POSTED_AGAIN = "another truth was posted since; materialize ground_truth again"
ANY_TIME = from_epoch(2**33)
"""An instant after every deadline."""


def check_truths(audited: Audited, span: Window) -> Checked:
    """The newest truth of each round of a span."""
    stored = audited.books.ground_truths(span.start, span.end)
    known = stored["prediction_config_id"].isin(audited.configs)
    checked = withheld(STEP, int((~known).sum()), NOT_IN_SPEC)
    stored = stored[known].reset_index(drop=True)
    if stored.empty:
        return checked
    voided = void_versions(stored, audited.books.round_voids(span.start, span.end))
    told = ~pd.MultiIndex.from_frame(stored[KEY]).isin(voided)
    checked.add(withheld(STEP, int((~told).sum()), VOIDED))
    stored = stored[told].reset_index(drop=True)
    if stored.empty:
        return checked
    if RESOLVER in audited.rules.not_replayable:
        checked.add(withheld(STEP, len(stored), OWN_IO.format(RESOLVER)))
    elif audited.challenge.is_operated:
        checked.add(_posted(audited, span, stored))
    else:
        checked.add(_resolved(audited, span, stored))
    return checked


def _resolved(audited: Audited, span: Window, stored: pd.DataFrame) -> Checked:
    challenge, books = audited.challenge, audited.books
    due = timeline(challenge, books, span)
    rounds = due.merge(stored[ROUND], on=ROUND)
    reach = max(stored["resolvable_at"].max().to_pydatetime(), span.end)
    beyond = reach + timedelta(seconds=challenge.feed.granularity_seconds)
    records = books.feed_records(challenge.feed.symbols, span.start, beyond)
    newest = books.newest_record(challenge.feed.symbols).set_index("subject")["ended_at"]
    again = resolve(challenge, audited.rules, rounds, records, newest, ANY_TIME)
    excuses = _excuses(stored, records, audited.oldest_record())
    return compared(STEP, stored, _versioned(again, stored), KEY, CONTENT, excuses)


def _posted(audited: Audited, span: Window, stored: pd.DataFrame) -> Checked:
    books = audited.books
    rounds = timeline(audited.challenge, books, span).merge(stored[ROUND], on=ROUND)
    posted = books.posted_truths(span.start, span.end)
    again = resolve_posted(audited.challenge, rounds, posted, stored.iloc[:0], ANY_TIME)
    newest = stored[ROUND].merge(posted[[*ROUND, "version"]], on=ROUND, how="left")["version"]
    excuses = pd.Series(None, stored.index, "object")
    told = stored["resolved_record_version"]
    excuses[((newest > told) & (told >= 1)).to_numpy()] = POSTED_AGAIN
    excuses[(stored["state"] == TruthState.UNRESOLVABLE.value).to_numpy()] = CAME_LATER
    return compared(STEP, stored, _versioned(again, stored), KEY, CONTENT, excuses)


def _versioned(again: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    return again.merge(stored[KEY], on=ROUND)


def _excuses(
    stored: pd.DataFrame, records: pd.DataFrame, oldest: datetime | None
) -> "pd.Series[str]":
    """Why a truth may come out otherwise by right, or None.

    A record that is missing although older ones are there was not pruned.
    """
    excuses = pd.Series(None, stored.index, "object")
    versions = records.set_index(["subject", "ended_at"])["version"]
    for name, instant in (("entry", "performed_at"), ("resolved", "resolvable_at")):
        read = stored[f"{name}_record_version"].to_numpy(dtype="float64")
        now = versions.reindex(pd.MultiIndex.from_frame(stored[["subject", instant]]))
        there = now.to_numpy(dtype="float64")
        excuses[(there > read) & (read >= 1)] = REVISED
        pruned = np.isnan(there) & ~np.isnan(read)
        if oldest is not None:
            pruned &= (stored[instant] < oldest).to_numpy()
        excuses[pruned] = PRUNED
    excuses[(stored["state"] == TruthState.UNRESOLVABLE.value).to_numpy()] = CAME_LATER
    return excuses
