"""The demo as a new user meets it: empty home, the real daemon, and a second time."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.command import Commands
from tests.support.prices import closes_from, walk, write_candles

pytestmark = pytest.mark.slow

MODELS = (
    "Constant half", "Volatility density", "Cautious", "Mean reversion", "Momentum", "Flaky",
    "Overconfident", "Leaver", "Unfinished",
)  # fmt: skip
STAGES = (
    "feed_records", "prediction_batch", "ground_truth", "scores", "model_scores", "leaderboard",
)  # fmt: skip
HOURS = 2 * 24


def board_lines(said: str) -> list[str]:
    lines = said.splitlines()
    rule = next(number for number, line in enumerate(lines) if line.startswith("───"))
    return lines[rule + 1 : rule + 1 + len(MODELS)]


def test_the_demo_ends_with_a_board_of_every_model(demoed: tuple[Commands, str]):
    _, said = demoed
    lines = board_lines(said)
    assert {name for name in MODELS for line in lines if f" {name} " in line} == set(MODELS)
    assert [line.split()[0] for line in lines] == [*"1234567", "-", "-"]
    assert "Unranked: Leaver: left 2026-11-02 00:00 UTC" in said
    assert "Unranked: Unfinished: minimum sample: 0 of 60" in said
    assert "2,880 rounds: 2,863 scored, 17 tied, over 168 h" in said


def test_the_demo_says_what_it_showed_and_what_to_type_next(demoed: tuple[Commands, str]):
    commands, said = demoed
    assert said.count("SIMULATED prices") == 2
    assert "board of record as of 2026-11-03 00:00 UTC, replayed after the fact" in said
    assert str(commands.database()) in said
    assert "coordinator dev" in said
    assert "coordinator demo --prices FILE" in said


def test_piped_output_is_plain_and_short(demoed: tuple[Commands, str]):
    _, said = demoed
    assert "\x1b" not in said
    assert "\r" not in said
    assert "…" not in said
    assert len(said.splitlines()) < 80  # stages, board, how sure it is, payout, proof
    for stage in STAGES:
        assert f"{stage:<18} {HOURS}/{HOURS} windows" in said


def test_the_board_fits_into_80_columns(demoed: tuple[Commands, str]):
    _, said = demoed
    assert max(map(len, board_lines(said))) <= 80


def test_nothing_is_written_outside_the_home(demoed: tuple[Commands, str]):
    commands, _ = demoed
    assert {path.name for path in commands.directory.iterdir()} == {"coordinator", "user"}
    caches = {path.name for path in (commands.directory / "user").iterdir()}
    assert caches <= {".cache", ".config"}  # of matplotlib's fonts


def test_the_newest_board_is_shown_as_of_any_instant(demoed: tuple[Commands, str]):
    commands, said = demoed
    newest = commands.succeed("leaderboard")
    assert board_lines(newest) == board_lines(said)
    earlier = commands.succeed("leaderboard", "--as-of", "2026-11-02T01:30:00+0100")
    assert "board of record as of 2026-11-02 00:00 UTC" in earlier
    assert "2026-11-01 00:00" in commands.refuse("leaderboard", "--as-of", "2026-11-01T00:00Z")


def test_a_second_demo_adds_nothing_and_shows_the_same(tmp_path: Path):
    commands, slug = Commands(tmp_path), "btc-up-down-prices"
    first_bar = datetime(2025, 6, 1, 0, 1, tzinfo=UTC)
    write_candles(tmp_path / "prices.csv", closes_from(first_bar, walk(8 * 60 + 10)))
    first = commands.succeed("demo", "--prices", "prices.csv")
    counts, boards = commands.counts(slug), commands.boards(slug=slug)
    assert counts["leaderboards"] == 6
    second = commands.succeed("demo", "--prices", "prices.csv")
    assert board_lines(second) == board_lines(first)
    assert (commands.counts(slug), commands.boards(slug=slug)) == (counts, boards)


def test_a_price_file_is_a_challenge_of_its_own(tmp_path: Path):
    commands = Commands(tmp_path)
    data = tmp_path / "somewhere else"
    data.mkdir()
    first_bar = datetime(2025, 6, 1, 0, 1, tzinfo=UTC)
    write_candles(data / "My [prices].csv", closes_from(first_bar, walk(6 * 60 + 10)))
    said = commands.succeed("demo", "--prices", "My [prices].csv", cwd=data)
    slug = "btc-up-down-my-prices"
    assert "SIMULATED" not in said
    assert f"real prices from {data / 'My [prices].csv'}" in said
    assert "My [prices].csv: read as generic, seconds" in said
    assert "4/4 windows" in said
    assert "Unranked: Leaver: left 2025-06-01 04:00 UTC" in said
    assert "2025-06-01 06:00 UTC" in said
    assert commands.counts(slug)["leaderboards"] == 4
    assert [path.name for path in commands.database().parent.glob("*.db")] == [f"{slug}.db"]
    spec = commands.home / "challenges" / slug / "spec.yaml"
    assert f"leaderboard --spec {spec}" in said
    (data / "My [prices].csv").unlink()
    again = commands.succeed("leaderboard", "--spec", str(spec))
    assert board_lines(again) == board_lines(said)


def test_another_file_of_the_same_name_does_not_touch_the_first(tmp_path: Path):
    commands = Commands(tmp_path)
    first_bar = datetime(2025, 6, 1, 0, 1, tzinfo=UTC)
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "prices.csv"
        write_candles(path, closes_from(first_bar, walk(4 * 60 + 10, seed)))
    commands.succeed("demo", "--prices", "a/prices.csv")
    spec = commands.home / "challenges" / "btc-up-down-prices" / "spec.yaml"
    before, counts = spec.read_text(), commands.counts("btc-up-down-prices")
    assert "b/prices.csv" in commands.refuse("demo", "--prices", "b/prices.csv")
    assert (spec.read_text(), commands.counts("btc-up-down-prices")) == (before, counts)


def test_nothing_that_it_leaves_can_be_read_by_others(demoed: tuple[Commands, str]):
    """Below a closed directory it does not matter what Dagster's own files allow."""
    home = demoed[0].home
    closed = [home / name for name in ("databases", "logs", "dagster", "challenges")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in closed} == {0o700}
    files = [*home.glob("databases/*"), *home.glob("logs/*.log")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
