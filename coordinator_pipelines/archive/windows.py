"""Closed windows of a challenge as files, in directories that say what is in them (Hive).

``DIRECTORY/TABLE/mode=MODE/day=YYYY-MM-DD/HHMM.parquet`` holds what a table has of the batch window
that begins then. Add a table or what makes a window closed here; avoid reading files (``query``).
A file is complete or not there, and has the same bytes whenever it is written from the same rows.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import pandas as pd

from coordinator_pipelines.archive.parquet import schema_of
from coordinator_pipelines.domain.doors.ledger import CELL, ROUND, Ledger, Mode, TruthState
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window

TABLES: Mapping[str, tuple[str, ...]] = {
    "predictions": (
        "performed_at", "prediction_config_id", "model_id", "resolvable_at", "version", "id",
        "scope_key", "status", "runner_status", "failed_reason", "output_json", "exec_time_ms",
        "code_hash",
    ),
    "ground_truths": (
        "performed_at", "prediction_config_id", "resolvable_at", "version", "subject",
        "entry_price", "resolved_price", "outcome", "state", "reason", "payload_json",
    ),
    "scores": (
        "performed_at", "prediction_config_id", "model_id", "resolvable_at", "version",
        "prediction_version", "truth_version", "scorer", "status", "value", "success", "rule",
        "failed_reason",
    ),
    "leaderboards": ("as_of", "version", "final", "entries_json", "meta_json"),
}  # fmt: skip
"""Table -> its columns, the first of which order its rows."""
ORDER = 3
SETTLED = timedelta(minutes=5)
"""How long after a window the answers of its last round are surely stored."""


class Result(StrEnum):
    """What became of a window."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Exported:
    """One window, and what became of it."""

    window: Window
    result: Result


class Archive:
    """The files of one challenge and mode below a directory."""

    def __init__(self, directory: Path, challenge: Challenge, ledger: Ledger, mode: Mode) -> None:
        self._directory = directory
        self._challenge = challenge
        self._ledger = ledger
        self._mode = mode
        self._farthest = max(config.cadence.horizon for config in challenge.configs)

    def export(
        self, windows: Iterator[Window], now: datetime, *, again: bool = False
    ) -> Iterator[Exported]:
        """Write the windows that are closed and have no files yet.

        ``again``: also those that have; what is the same stays untouched.

        Raises:
            ModuleNotFoundError: pyarrow is not installed.
        """
        for window in windows:
            yield Exported(window, self._export(window, now, again))

    def path(self, table: str, window: Window) -> Path:
        """The file of a window."""
        day, time = f"day={window.start:%Y-%m-%d}", f"{window.start:%H%M}.parquet"
        return self._directory / table / f"mode={self._mode.value}" / day / time

    def _export(self, window: Window, now: datetime, again: bool) -> Result:
        if not again and all(self.path(table, window).exists() for table in TABLES):
            return Result.UNCHANGED
        if now < window.end + self._farthest + SETTLED:
            return Result.OPEN
        frames = self._frames(window)
        if not _is_closed(frames, window.end):
            return Result.OPEN
        changed = [self._write(table, window, frame) for table, frame in frames.items()]
        return Result.WRITTEN if any(changed) else Result.UNCHANGED

    def _frames(self, window: Window) -> dict[str, pd.DataFrame]:
        span = (window.start, window.end)
        read: dict[str, Callable[[], pd.DataFrame]] = {
            "predictions": lambda: self._ledger.predictions(self._mode, *span),
            "ground_truths": lambda: self._ledger.ground_truths(*span),
            "scores": lambda: self._ledger.scores(self._mode, *span),
            "leaderboards": lambda: self._ledger.leaderboards(self._mode, *span),
        }
        return {
            table: read[table]()[list(names)].sort_values(list(names[:ORDER]), ignore_index=True)
            for table, names in TABLES.items()
        }

    def _write(self, table: str, window: Window, frame: pd.DataFrame) -> bool:
        """Put a file in its place, if it is not there as it would be; whether it was put."""
        pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")
        path = self.path(table, window)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = pa.Table.from_pandas(frame, schema_of(TABLES[table]), preserve_index=False)
        content = content.replace_schema_metadata(None)
        new = path.with_name(f".{path.name}.{os.getpid()}")  # no reader takes it for a file
        try:
            pq.write_table(content, new, compression="zstd")
            if path.exists() and path.read_bytes() == new.read_bytes():
                return False
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
        return True


def _is_closed(frames: Mapping[str, pd.DataFrame], end: datetime) -> bool:
    """Whether each answer is scored by the truth of its round, and the board of record is final."""
    cells, truths, scores, boards = (frames[name] for name in TABLES)
    if cells.empty:
        return True
    newest = truths[[*ROUND, "version", "state"]].rename(columns={"version": "truth_version"})
    told = cells[CELL].merge(newest, on=ROUND)
    due = told[told["state"] == TruthState.FINAL]
    scored = due.merge(scores[[*CELL, "truth_version"]], on=[*CELL, "truth_version"])
    if len(told) < len(cells) or len(scored) < len(due):
        return False
    return bool((boards["final"] & (boards["as_of"] == end)).any())
