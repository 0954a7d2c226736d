"""Which cells a window expects: rounds of the grid times the members of that instant."""

from datetime import timedelta
from itertools import pairwise

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.prediction_batch.prediction_batch import expected_cells
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.timeline.window import Window
from tests.domain.score.scoring_cases import START, challenge, config, instant, memberships

HOUR = timedelta(hours=1)


def minutes(frame):
    return [int((t - START).total_seconds() // 60) for t in frame["performed_at"]]


def test_rounds_come_in_the_order_of_asking():
    first, second = {**config("b"), "order": 0}, {**config("a", every=120), "order": 1}
    rounds = grid(
        challenge(scheduled_prediction_configs=[first, second]), Window(START, instant(4))
    )
    assert list(zip(minutes(rounds), rounds["prediction_config_id"], strict=True)) == [
        (0, "b"), (0, "a"), (1, "b"), (2, "b"), (2, "a"), (3, "b")
    ]  # fmt: skip
    assert ((rounds["resolvable_at"] - rounds["performed_at"]) == timedelta(minutes=1)).all()


def test_a_config_that_is_not_active_has_no_rounds():
    idle = {**config("idle"), "scope_key": "idle", "active": False}
    spec = challenge(scheduled_prediction_configs=[config(), idle])
    rounds = grid(spec, Window(START, START + HOUR))
    assert set(rounds["prediction_config_id"]) == {"btc"}


def test_no_round_lies_before_the_start_or_after_the_end():
    spec = challenge(end=START + HOUR)
    rounds = grid(spec, Window(START - HOUR, START + 3 * HOUR))
    assert minutes(rounds) == list(range(60))


def test_a_member_is_expected_from_joining_up_to_leaving():
    rounds = grid(challenge(), Window(START, instant(10)))
    stays = memberships(("a", 0, None), ("b", 3, 5), ("b", 8, None))
    cells = expected_cells(rounds, stays)
    assert minutes(cells[cells["model_id"] == "a"]) == list(range(10))
    assert minutes(cells[cells["model_id"] == "b"]) == [3, 4, 8, 9]


def test_overlapping_stays_expect_a_cell_once():
    rounds = grid(challenge(), Window(START, instant(4)))
    cells = expected_cells(rounds, memberships(("a", 0, None), ("a", 2, None)))
    assert minutes(cells) == [0, 1, 2, 3]


@settings(max_examples=40)
@given(st.integers(1, 9), st.lists(st.integers(1, 59), max_size=4, unique=True))
def test_the_grid_of_a_window_is_the_grids_of_its_parts(every, cuts):
    spec = challenge(scheduled_prediction_configs=[config(every=60 * every)])
    edges = [START, *map(instant, sorted(cuts)), START + HOUR]
    parts = [grid(spec, Window(a, b)) for a, b in pairwise(edges)]
    joined = pd.concat(parts, ignore_index=True)
    assert joined.equals(grid(spec, Window(START, START + HOUR)))
