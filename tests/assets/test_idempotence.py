"""The same rows whatever was run before, in which pieces, in which order, and how often."""

import itertools
import random

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from tests.support.challenges import START, WINDOW
from tests.support.pipeline import BOARD_TABLES, TABLES, Pipeline, newest_contents, same_contents

WINDOWS = 6
FACTS = tuple(table for table in TABLES if table not in BOARD_TABLES)


def counts(pipeline: Pipeline) -> dict[str, int]:
    return {table: len(pipeline.rows(table)) for table in TABLES}


def run_in_pieces(pipeline: Pipeline, pieces) -> None:
    for first, windows in pieces:
        pipeline.succeed(START + first * WINDOW, windows)
    pipeline.succeed(START, WINDOWS, job="refresh_boards")


def newest_boards(pipeline: Pipeline):
    with pipeline.ledger() as ledger:
        boards = ledger.leaderboards(Mode.REPLAY, START, START + WINDOWS * WINDOW)
        ends = [START + (k + 1) * WINDOW for k in range(WINDOWS)]
        models = ledger.model_scores(Mode.REPLAY, ends)
    return [
        frame.drop(columns=["run_id", "version"]).to_dict("records") for frame in (boards, models)
    ]


def random_pieces(draw: random.Random) -> list[tuple[int, int]]:
    """The range cut at random places, the pieces in random order, one of them twice."""
    cuts = sorted(draw.sample(range(1, WINDOWS), draw.randint(1, WINDOWS - 1)))
    pieces = [(a, b - a) for a, b in itertools.pairwise([0, *cuts, WINDOWS])]
    draw.shuffle(pieces)
    return [*pieces, draw.choice(pieces)]


def test_two_runs_into_two_databases_give_identical_rows(undisturbed, pipeline):
    pipeline.succeed(START, WINDOWS)
    contents = pipeline.contents()
    assert all(len(rows) for rows in contents.values())
    same_contents(contents, undisturbed.contents())


def test_both_dialects_hold_the_same_rows(make_pipeline, postgresql_url):
    one, other = make_pipeline("one"), make_pipeline("other", url=postgresql_url)
    for pipeline in (one, other):
        pipeline.succeed(START, 3)
    span = (START, START + 3 * WINDOW)
    same_contents(newest_contents(one.url, *span), newest_contents(other.url, *span))


def test_materialising_a_range_again_writes_nothing(pipeline):
    pipeline.succeed(START, WINDOWS)
    before = counts(pipeline)
    added = {
        key: data["cells added"] for key, data in pipeline.metadata("prediction_batch").items()
    }
    assert added == dict.fromkeys(added, 60)
    pipeline.succeed(START, WINDOWS)
    assert counts(pipeline) == before
    added = {
        key: data["cells added"] for key, data in pipeline.metadata("prediction_batch").items()
    }
    assert added == dict.fromkeys(added, 0)
    pipeline.succeed(START + 2 * WINDOW, 3)
    pipeline.succeed(START + 2 * WINDOW, 1, job="refresh_boards")
    assert counts(pipeline) == before


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(4, 2), (2, 2), (0, 2)], marks=pytest.mark.slow),
        random_pieces(random.Random(1)),
    ],
    ids=str,
)
def test_any_split_in_any_order_gives_the_same_rows(undisturbed, pipeline, pieces):
    run_in_pieces(pipeline, pieces)
    same_contents(undisturbed.contents(FACTS), pipeline.contents(FACTS))
    assert newest_boards(undisturbed) == newest_boards(pipeline)


@pytest.mark.slow
def test_stages_run_one_by_one_give_the_same_rows(make_pipeline):
    whole, split = make_pipeline("whole"), make_pipeline("split")
    whole.succeed(START, 3)
    stages = (
        "feed_records",
        "prediction_batch",
        "ground_truth",
        "scores",
        "model_scores",
        "leaderboard",
    )
    for stage in stages:
        split.succeed(START, 3, assets=[stage])
    same_contents(whole.contents(), split.contents())


def test_a_stage_needs_no_records_that_another_stage_brought(make_pipeline):
    whole, split = make_pipeline("whole"), make_pipeline("split")
    whole.succeed(START, 1)
    split.succeed(START, 1, assets=["prediction_batch"])
    split.succeed(START, 1, assets=["ground_truth", "scores"])
    same_contents(whole.contents(FACTS), split.contents(FACTS))
