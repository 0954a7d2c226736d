"""What people look at in the UI, window by window, agrees with what is stored."""

import base64
import io
import json
import re
from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from coordinator_pipelines.assets.pictures import illustrated
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.timeline.window import Window
from tests.support.challenges import START, WINDOW
from tests.support.pipeline import keys

WINDOWS = 6
CALIBRATION = ["answers", "mean probability", "came true", "calibration error"]


def table(value: dg.TableMetadataValue) -> pd.DataFrame:
    """A table as text cells."""
    return pd.DataFrame([record.data for record in value.records])


def picture(markdown: str) -> Image.Image:
    """The image that a Markdown text embeds."""
    found = re.fullmatch(r"!\[[^]]+\]\(data:image/png;base64,([^)]+)\)", markdown)
    assert found is not None
    return Image.open(io.BytesIO(base64.b64decode(found[1])))


@pytest.fixture
def stored(undisturbed):
    with undisturbed.ledger() as ledger:
        yield ledger


@pytest.mark.parametrize(
    "asset",
    ["feed_records", "prediction_batch", "ground_truth", "scores", "model_scores", "leaderboard"],
)
def test_every_window_has_metadata_of_its_own(undisturbed, asset):
    metadata = undisturbed.metadata(asset)
    assert sorted(metadata) == keys(START, WINDOWS, WINDOW)
    assert all(metadata.values())


def test_outcomes_are_counted_per_model(undisturbed, stored):
    for k, (_, data) in enumerate(sorted(undisturbed.metadata("prediction_batch").items())):
        start = START + k * WINDOW
        cells = stored.predictions(Mode.REPLAY, start, start + WINDOW)
        shown = table(data["outcomes"]).set_index("model").astype(int)
        assert shown.to_numpy().sum() == data["cells"] == len(cells)
        for model, own in cells.groupby("model_id"):
            for status, count in own["status"].value_counts().items():
                assert shown.loc[model, status.lower()] == count


def test_truths_are_counted_by_state(undisturbed, stored):
    for k, (_, data) in enumerate(sorted(undisturbed.metadata("ground_truth").items())):
        start = START + k * WINDOW
        truths = stored.ground_truths(start, start + WINDOW)
        assert data["rounds"] == 15
        assert data["final"] == (truths["state"] == "FINAL").sum() == data["up"] + data["down"]
        assert data["void"] == (truths["state"] == "VOID").sum()
        assert data["unresolvable"] == data["provisional"] == data["not resolved yet"] == 0


def test_the_board_is_shown_as_a_table_in_the_order_of_its_ranks(undisturbed, stored):
    boards = stored.leaderboards(Mode.REPLAY, START, START + WINDOWS * WINDOW)
    metadata = sorted(undisturbed.metadata("leaderboard").items())
    for (_, data), entries_json in zip(metadata, boards["entries_json"], strict=True):
        entries = json.loads(entries_json)
        shown = table(data["leaderboard"])
        assert shown["model"].tolist() == [entry["model_name"] for entry in entries]
        assert shown["rank"].tolist() == [str(entry["rank"] or "-") for entry in entries]
        for cell, entry in zip(shown["long"], entries, strict=True):
            assert float(cell) == pytest.approx(entry["score"]["metrics"]["long"], rel=1e-5)
        sure = [entry["score"]["certainty"]["windows"]["long"] for entry in entries]
        assert shown["tier"].tolist() == [str(one["tier"] or "") for one in sure]
        ends = [cell.split(" to ") if cell else None for cell in shown["90 % interval"]]
        for cell, one in zip(ends, sure, strict=True):
            assert (cell is None) == (one["interval"] is None)
            assert cell is None or [float(end) for end in cell] == pytest.approx(
                one["interval"], rel=1e-5
            )
        assert data["leader"] == entries[0]["model_name"]
        first, second = (entry["score"]["metrics"]["long"] for entry in entries[:2])
        assert (data["leader score"], data["lead"]) == (first, pytest.approx(first - second))
        assert data["final"] is True
        assert data["simulated"] is False


def test_the_newest_window_of_a_run_has_plots(undisturbed):
    *others, newest = (undisturbed.metadata("model_scores")[key] for key in keys(START, 6, WINDOW))
    assert picture(newest["score over time"]).size > (400, 150)
    assert not any("score over time" in data for data in others)
    *others, newest = (undisturbed.metadata("scores")[key] for key in keys(START, 6, WINDOW))
    image = picture(newest["calibration"])
    assert len(image.convert("RGB").getcolors(100_000)) > 5
    assert not any("calibration" in data for data in others)


def test_calibration_is_told_of_each_model_in_every_window(undisturbed, stored):
    for k, (_, data) in enumerate(sorted(undisturbed.metadata("scores").items())):
        start = START + k * WINDOW
        truths = stored.ground_truths(start, start + WINDOW)
        cells = stored.predictions(Mode.REPLAY, start, start + WINDOW).merge(
            truths[["performed_at", "outcome"]].dropna(), on="performed_at"
        )
        said = cells["output_json"].map(lambda text: json.loads(text)["p_up"], na_action="ignore")
        cells = cells.assign(said=said.astype(float)).dropna(subset=["said"])
        shown = table(data["calibration by model"]).set_index("model").astype(float)
        assert set(shown.index) == {"half", "follower", "shy", "broken"}
        for model, own in cells.groupby("model_id"):
            off = own.groupby(np.minimum(own["said"] * 10 // 1, 9))[["said", "outcome"]].sum()
            error = (off["said"] - off["outcome"]).abs().sum() / len(own)
            told = [len(own), own["said"].mean(), own["outcome"].mean(), error]
            assert shown.loc[model, CALIBRATION].tolist() == pytest.approx(told, abs=6e-4)


def test_each_day_of_a_run_has_plots_of_its_last_window():
    first = datetime(2026, 7, 31, 22, tzinfo=UTC)
    hours = [first + timedelta(hours=k) for k in range(30)]
    drawn = illustrated(Window(hour, hour + timedelta(hours=1)) for hour in hours)
    assert sorted(window.start for window in drawn) == [hours[1], hours[25], hours[29]]


def test_simulated_prices_are_said_to_be_simulated(make_pipeline):
    feed = {
        "provider": "simulated",
        "subjects": {"BTC": "BTCUSDT"},
        "granularity_seconds": 60,
        "publication_delay_seconds": 2,
        "staleness_limit_seconds": 180,
        "seed": 5,
    }
    pipeline = make_pipeline(feed=feed)
    pipeline.succeed(START, 1)
    [records] = pipeline.metadata("feed_records").values()
    assert records["simulated"] is True
    assert "simulated" in records["source"]
    [board] = pipeline.metadata("leaderboard").values()
    assert board["simulated"] is True
    assert set(pipeline.rows("feed_records")["source"]) == {records["source"]}
