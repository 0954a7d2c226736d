"""Closed windows as Parquet: what DuckDB and pandas read of them is what the ledger holds."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from coordinator_pipelines.archive.parquet import TYPES
from coordinator_pipelines.archive.query import ask
from coordinator_pipelines.archive.windows import TABLES, Archive, Result
from coordinator_pipelines.cli.export import export, query
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.timeline.window import windows_between
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.spec_file import dump_challenge
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.api.conftest import NOW, WINDOWS, Filled, fill
from tests.support.challenges import START

DOCS = Path(__file__).parents[2] / "docs" / "export.md"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return fill(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def ledger(filled: Filled) -> Iterator[SqlLedger]:
    with closing(SqlLedger(filled.url)) as ledger:
        yield ledger


@pytest.fixture
def archive(filled: Filled, ledger: SqlLedger, tmp_path: Path) -> Archive:
    return Archive(tmp_path, filled.challenge, ledger, Mode.REPLAY)


def windows(filled: Filled, count: int = WINDOWS):
    length = filled.challenge.window_length
    return windows_between(START, START + count * length, length)


def results(archive: Archive, filled: Filled, now: datetime = NOW, **options):
    return [each.result for each in archive.export(windows(filled), now, **options)]


def files(directory: Path) -> dict[Path, tuple[int, bytes]]:
    found = (path for path in directory.rglob("*") if path.is_file())
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_files_hold_what_the_ledger_holds(archive, filled, ledger, tmp_path):
    assert results(archive, filled) == [Result.WRITTEN] * WINDOWS
    end = START + WINDOWS * filled.challenge.window_length
    stored = ledger.predictions(Mode.REPLAY, START, end)
    read = pd.read_parquet(tmp_path / "predictions")
    assert set(read["mode"]) == {"replay"}
    names = list(TABLES["predictions"])
    key = names[:3]
    pd.testing.assert_frame_equal(
        read[names].sort_values(key, ignore_index=True),
        stored[names].sort_values(key, ignore_index=True),
        check_dtype=False,
    )
    by_model = ask(tmp_path, "SELECT model_id, avg(value) AS mean FROM scores GROUP BY ALL")
    scores = ledger.scores(Mode.REPLAY, START, end).groupby("model_id")["value"].mean()
    found = by_model.set_index("model_id")["mean"].sort_index()
    pd.testing.assert_series_equal(found, scores, check_names=False)
    assert ask(tmp_path, "SELECT count(*) AS n FROM leaderboards WHERE final")["n"][0] == WINDOWS
    first = ask(
        tmp_path, "SELECT min(performed_at) AS first FROM predictions WHERE mode = 'replay'"
    )
    assert pd.Timestamp(first["first"][0]) == stored["performed_at"].min()


def test_exporting_again_touches_nothing_and_a_change_is_written_once(archive, filled, tmp_path):
    results(archive, filled)
    before = files(tmp_path)
    assert results(archive, filled) == [Result.UNCHANGED] * WINDOWS
    assert results(archive, filled, again=True) == [Result.UNCHANGED] * WINDOWS
    assert files(tmp_path) == before
    [spoilt, *_] = sorted((tmp_path / "scores").rglob("*.parquet"))
    spoilt.write_bytes(b"half a file")
    expected = [Result.WRITTEN, *[Result.UNCHANGED] * (WINDOWS - 1)]
    assert results(archive, filled, again=True) == expected
    assert {path: content for path, (_, content) in files(tmp_path).items()} == {
        path: content for path, (_, content) in before.items()
    }


def test_a_window_whose_outcomes_are_to_come_stays_open(archive, filled, tmp_path):
    length = filled.challenge.window_length
    assert results(archive, filled, START + length) == [Result.OPEN] * WINDOWS
    assert files(tmp_path) == {}


def test_what_a_killed_export_leaves_is_read_by_nobody(archive, filled, tmp_path):
    results(archive, filled)
    [path, *_] = (tmp_path / "scores").rglob("*.parquet")
    path.with_name(f".{path.name}.1").write_bytes(b"half a file")
    assert len(ask(tmp_path, "SELECT * FROM scores")) == len(pd.read_parquet(tmp_path / "scores"))


def test_a_question_reads_the_archive_and_nothing_else(archive, filled, tmp_path):
    results(archive, filled)
    outside = tmp_path.with_name("outside.csv")
    outside.write_text("a\n1\n")
    for question in (
        f"SELECT * FROM read_csv('{outside}')", f"COPY scores TO '{outside}'",
        "SET enable_external_access = true", "SELECT * FROM nowhere", "SELEC",
    ):  # fmt: skip
        with pytest.raises(CoordinatorError, match=r"^DuckDB: "):
            ask(tmp_path, question)
    assert outside.read_text() == "a\n1\n"


def test_the_commands(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("COORDINATOR_DATABASE_URL", filled.url)
    spec = filled.directory / "spec.yaml"
    spec.write_text(dump_challenge(filled.challenge))
    until = START + WINDOWS * filled.challenge.window_length
    where = [str(tmp_path / "files"), "--spec", str(spec), "--mode", "replay"]
    done = CliRunner().invoke(
        export, [*where, "--to", f"{until:%Y-%m-%dT%H:%MZ}"], catch_exceptions=False
    )
    assert done.output == "4 windows: 4 written, 0 unchanged, 0 open\n"
    question = "SELECT mode, count(*) AS n FROM predictions GROUP BY mode"
    asked = CliRunner().invoke(query, [where[0], question, "--csv"], catch_exceptions=False)
    rows = len(pd.read_parquet(tmp_path / "files" / "predictions"))
    assert asked.output == f"mode,n\nreplay,{rows}\n"
    nothing = CliRunner().invoke(query, [str(tmp_path), "SELECT 1"])
    assert "holds no exported windows" in str(nothing.exception)


def test_the_documentation_tells_every_column_with_its_type():
    text = DOCS.read_text()
    for table, names in TABLES.items():
        section = text.partition(f"## `{table}`")[2].partition("\n## ")[0]
        told = {
            line.split("|")[1].strip(" `"): line.split("|")[2].strip()
            for line in section.splitlines()
            if line.startswith("| `")
        }
        assert told == {name: TYPES[name] for name in names}
