"""What must hold of a challenge's books, however often its processes were killed.

Add here what is checked after the kills; avoid killing. What is checked is computed again from
the spec and the simulated prices in plain terms, not by the pipeline's own functions.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.rounds.missed import live_rounds
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.feeds.simulated import SimulatedFeed
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.faults.challenge import (
    EVERY_SECONDS,
    HORIZON_SECONDS,
    SEED,
    SYMBOL,
    TICK_SIZE,
)
from tests.support.pipeline import FixedClock, Pipeline, open_ledger, table_rows

CONFIG, AT, MODEL = "prediction_config_id", "performed_at", "model_id"
SAVED = re.compile(
    r"coordinator_pipelines\.domain\.prediction_batch\.capture \| INFO"
    r" \| Saved (\d+) predictions of (.*)"
)
COMPUTED = ("ground_truths", "scores", "score_statistics")
BOARDS = ("model_scores", "leaderboards")
RESOLVED = timedelta(minutes=5)


@dataclass(frozen=True)
class Books:
    """What the database holds of the time in which the challenge was live."""

    rounds: pd.DataFrame
    predictions: pd.DataFrame
    memberships: pd.DataFrame
    first: pd.Timestamp

    @classmethod
    def of(cls, url: str) -> "Books":
        """All rows, every version."""
        captures = _instants(table_rows(url, "captures"), "span_start")
        return cls(
            _instants(table_rows(url, "rounds"), AT),
            _instants(table_rows(url, "predictions"), AT),
            _instants(table_rows(url, "model_memberships"), "joined_at", "left_at"),
            captures["span_start"].min(),
        )

    def asked(self) -> pd.DataFrame:
        """The rounds that were asked."""
        return self.rounds[self.rounds["status"] == "ASKED"]

    def require_each_round_once(self) -> None:
        """No round is there twice, and every round is one of the timetable, asked live."""
        assert not self.rounds.duplicated([CONFIG, AT]).any()
        assert set(self.rounds["mode"]) == {"live"}
        assert set(self.rounds["status"]) <= {"ASKED", "VOID"}
        due = timetable(self.first, self.rounds[AT].max() + timedelta(seconds=1))
        stored = _pairs(self.rounds.assign(every=self.rounds[CONFIG].map(_every)), "every")
        assert stored <= set(due)

    def require_each_cell_once(self) -> None:
        """Every round that was asked has one answer of each member, and no other one."""
        assert not self.predictions.duplicated([CONFIG, AT, MODEL]).any()
        assert set(self.predictions["mode"]) == {"live"}
        assert set(self.predictions["version"]) == {"1"}
        cells = set(self.predictions[[CONFIG, AT, MODEL]].itertuples(index=False, name=None))
        assert cells == {
            (config, at, stay.model_id)
            for config, at in self.asked()[[CONFIG, AT]].itertuples(index=False, name=None)
            for stay in self.memberships.itertuples()
            if stay.joined_at <= at and not stay.left_at <= at
        }

    def require_saved(self, instance: Path) -> int:
        """What a capture said it had saved is there, as much as it said; how often it did."""
        saved = [
            (int(count), pd.Timestamp(at))
            for log in instance.glob("storage/*/compute_logs/*.err")
            for count, at in SAVED.findall(log.read_text())
        ]
        counts = self.predictions[AT].value_counts()
        assert [(n, at) for n, at in saved if counts.get(at, 0) != n] == []
        return len(saved)

    def missed(self, until: datetime) -> list[pd.Timestamp]:
        """The instants of the timetable that were not asked in all of their rounds."""
        stored = _pairs(self.rounds.assign(every=self.rounds[CONFIG].map(_every)), "every")
        return sorted({at for every, at in timetable(self.first, until)
                       if (every, at) not in stored})  # fmt: skip


def timetable(first: datetime, until: datetime) -> list[tuple[int, pd.Timestamp]]:
    """When which config (by its interval) is due, from the first live instant on."""
    return [
        (every, at)
        for every in EVERY_SECONDS
        for at in pd.date_range(pd.Timestamp(first).ceil(f"{every}s"), until, freq=f"{every}s")
        if at < until
    ]


def require_explained(
    challenge: Challenge, ledger: SqlLedger, missed: Sequence[pd.Timestamp], until: datetime
) -> dict[str, int]:
    """Each missed round has a reason; how often which, without run ids."""
    first = ledger.first_captured_at()
    assert first is not None
    rounds = live_rounds(challenge, ledger, Window(first, until))
    told = rounds[rounds["status"] == "MISSED"]
    assert sorted(set(told[AT])) == list(missed)
    assert told["reason"].notna().all()
    return (
        told["reason"]
        .str.replace("capture [0-9a-f]{8}", "a capture", regex=True)
        .value_counts()
        .to_dict()
    )


def require_true(url: str) -> int:
    """Every outcome is what the simulated prices say, told once; how many there are."""
    truths = _instants(table_rows(url, "ground_truths"), AT, "resolvable_at")
    assert set(truths["version"]) == {"1"}
    closes = _closes(truths[AT].min(), truths["resolvable_at"].max())
    entry, resolved = closes[truths[AT]].to_numpy(), closes[truths["resolvable_at"]].to_numpy()
    assert (truths["entry_price"].astype(float) == entry).all()
    assert (truths["resolved_price"].astype(float) == resolved).all()
    void = truths["state"] == "VOID"
    assert set(truths.loc[~void, "state"]) == {"FINAL"}
    assert (void == (entry == resolved)).all()
    up = truths.loc[~void, "outcome"].astype(float)
    assert (up == (resolved > entry)[~void]).all()
    return len(truths)


def require_same_as_uninterrupted(
    challenge: Challenge, url: str, fresh_url: str, directory: Path
) -> int:
    """Truths, scores, statistics and boards equal those computed at once from the same rows.

    What the stack had left undone is done first. How many boards of record there are.
    """
    with open_ledger(url, challenge) as ledger, open_ledger(fresh_url, challenge) as fresh:
        first = ledger.first_captured_at()
        last = ledger.newest_round(Mode.LIVE)
        assert first is not None
        assert last is not None
        final = _final_boards(ledger, first, last)
        _copy(ledger, fresh, Window(first - challenge.look_back, last + RESOLVED), challenge)
    size = challenge.window_length
    start = first - (first - datetime.fromtimestamp(0, first.tzinfo)) % size
    windows = -(-(last + timedelta(seconds=1) - start) // size)
    for name, each in (("stack", url), ("fresh", fresh_url)):
        clock = FixedClock(start + windows * size + RESOLVED)
        with pytest.MonkeyPatch.context() as monkeypatch:
            pipeline = Pipeline(challenge, directory / name, monkeypatch, clock, each)
            pipeline.succeed(start, windows, job="resolve")
    ends = [start + (k + 1) * size for k in range(windows)]
    for table in COMPUTED:
        pd.testing.assert_frame_equal(
            table_rows(url, table), table_rows(fresh_url, table), obj=table
        )
    for table in BOARDS:
        pd.testing.assert_frame_equal(
            _newest_of_record(url, table, ends), _newest_of_record(fresh_url, table, ends),
            obj=table,
        )  # fmt: skip
    with open_ledger(url, challenge) as ledger:
        now_final = _final_boards(ledger, first, last)
    assert now_final[: len(final)] == final, "a board that was final has been revised"
    return len(ends)


def _final_boards(ledger: SqlLedger, first: datetime, last: datetime) -> list[tuple[object, ...]]:
    boards = ledger.leaderboards(Mode.LIVE, first, last + timedelta(hours=1))
    columns = ["as_of", "version", "entries_json"]
    return list(boards.loc[boards["final"], columns].itertuples(index=False, name=None))


def _copy(ledger: SqlLedger, fresh: SqlLedger, span: Window, challenge: Challenge) -> None:
    """Records, memberships, rounds and predictions; nothing that follows from them."""
    records = ledger.feed_records(challenge.feed.symbols, span.start, span.end)
    fresh.add_feed_records(
        records.drop(columns=["version", "observed_at"]),
        publication_delay=challenge.feed.publication_delay_seconds,
        now=span.end,
    )
    fresh.record_memberships(ledger.memberships(Mode.LIVE))
    rounds = ledger.rounds(Mode.LIVE, span.start, span.end).assign(input_json=None)
    fresh.add_prediction_batch(rounds, ledger.predictions(Mode.LIVE, span.start, span.end))


def _newest_of_record(url: str, table: str, ends: Sequence[datetime]) -> pd.DataFrame:
    rows = _instants(table_rows(url, table), "as_of")
    rows = rows[rows["as_of"].isin(ends)].assign(version=rows["version"].astype(int))
    key = ["as_of", MODEL] if MODEL in rows else ["as_of"]
    newest = rows.sort_values("version").drop_duplicates(key, keep="last")
    return newest.drop(columns="version").sort_values(key, ignore_index=True)


def _closes(first: pd.Timestamp, last: pd.Timestamp) -> "pd.Series[float]":
    feed = SimulatedFeed(seed=SEED, granularity_seconds=1, subjects=[SYMBOL], tick_size=TICK_SIZE)
    bars = feed.records([SYMBOL], first.to_pydatetime(), last + timedelta(seconds=1))
    return bars.set_index("ended_at")["close"]


def _every(config_id: str) -> int:
    """The interval of a config, which its horizon tells."""
    horizon = int(config_id.split("-")[1].removesuffix("s"))
    return EVERY_SECONDS[HORIZON_SECONDS.index(horizon)]


def _pairs(frame: pd.DataFrame, name: str) -> set[tuple[int, pd.Timestamp]]:
    return set(frame[[name, AT]].itertuples(index=False, name=None))


def _instants(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The frame with these columns as instants."""
    return frame.assign(
        **{name: pd.to_datetime(frame[name], utc=True, format="ISO8601") for name in names}
    )
