"""Which step of a season may follow which, what is closed by it, and which seasons are refused."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator_pipelines.domain.doors.season import SEASON_EVENT_COLUMNS
from coordinator_pipelines.domain.season.season import season_at, seasons_of
from coordinator_pipelines.domain.season.state import (
    AFTER,
    LEADS_TO,
    State,
    Step,
    closed_at,
    closed_seasons,
    is_closed,
    state_after,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import SpecError
from tests.specs import changed
from tests.support.tournament import TOURNAMENT

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SPRING = {"name": "spring", "starts_at": "2026-03-01T00:00Z", "ends_at": "2026-03-11T00:00Z"}
SUMMER = {"name": "summer", "starts_at": "2026-03-21T00:00Z"}


def challenge(*seasons: dict, **changes: object) -> Challenge:
    return checked_challenge(changed({"seasons": list(seasons), **changes}, TOURNAMENT))


def events(*rows: tuple[str, Step, int, int]) -> pd.DataFrame:
    """(season, step, first day, last day), one after the other."""
    told = [
        (name, i, START, step.value, "ann", "why", START + first * DAY, START + last * DAY)
        for i, (name, step, first, last) in enumerate(rows, 1)
    ]
    frame = pd.DataFrame(told, columns=list(SEASON_EVENT_COLUMNS))
    return frame.astype(dict.fromkeys(("at", "starts_at", "ends_at"), "datetime64[us, UTC]"))


@given(st.lists(st.sampled_from(Step), max_size=12))
def test_whatever_is_tried_a_season_only_goes_where_it_may(tried: list[Step]) -> None:
    taken: list[Step] = []
    ways = {(State.OPEN, State.FROZEN), (State.FROZEN, State.OPEN), (State.FROZEN, State.FINAL)}
    for step in tried:
        before = state_after(taken)
        if AFTER[step] is before:
            taken.append(step)
            assert state_after(taken) is LEADS_TO[step]
            assert (before, state_after(taken)) in ways
    assert Step.FINALIZED not in taken[:-1]
    closed = closed_seasons(events(*(("a", step, 0, 5) for step in taken)))
    assert [each.state for each in closed] == [
        state for state in (state_after(taken),) if state is not State.OPEN
    ]


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(Step)), max_size=6),
    st.integers(-1, 12),
)
def test_what_is_closed_is_told_alike_of_one_instant_and_of_many(
    steps: list[tuple[str, Step]], day: int
) -> None:
    spans = {"a": (0, 5), "b": (5, 10)}
    told = events(*((name, step, *spans[name]) for name, step in steps))
    seasons = closed_seasons(told.sort_values(["season", "sequence"]))
    instant = START + day * DAY
    found = closed_at(seasons, instant)
    assert is_closed(seasons, pd.Series([pd.Timestamp(instant)])).item() == (found is not None)
    name = "a" if 0 < day <= 5 else "b" if 5 < day <= 10 else ""
    last = {own: LEADS_TO[step] for own, step in steps}
    assert (found is not None) == (last.get(name, State.OPEN) is not State.OPEN)


def test_a_closed_season_is_what_it_was_whatever_the_spec_says_later() -> None:
    stored = events(("spring", Step.FROZEN, 0, 10), ("gone", Step.FROZEN, 12, 20))
    moved = challenge(SPRING | {"ends_at": "2026-03-05T00:00Z"}, SUMMER)
    told = seasons_of(moved, stored)
    assert [(each.name, each.ends_at, each.state) for each in told] == [
        ("spring", START + 10 * DAY, State.FROZEN),
        ("gone", START + 20 * DAY, State.FROZEN),
        ("summer", None, State.OPEN),
    ]
    assert season_at(told, START) is None
    assert season_at(told, START + 10 * DAY) is told[0]
    assert season_at(told, START + 11 * DAY) is None
    reopened = pd.concat([stored, events(("spring", Step.REOPENED, 0, 10))])
    assert seasons_of(moved, reopened)[0].ends_at == START + 4 * DAY


def test_a_season_without_an_end_goes_on_until_the_next_or_the_challenge_ends() -> None:
    open_ended = {"name": "spring", "starts_at": SPRING["starts_at"]}
    assert challenge(open_ended, SUMMER).season_spans == {
        "spring": (START, START + 20 * DAY),
        "summer": (START + 20 * DAY, None),
    }
    ending = challenge(SUMMER, end="2026-04-01T00:00Z")
    assert ending.season_spans["summer"][1] == START + 31 * DAY
    assert challenge().season_spans == {}


@pytest.mark.parametrize(
    ("seasons", "changes", "said"),
    [
        ([SPRING, SPRING], {}, "seasons[1].name: is the name of another season too"),
        ([SUMMER, SPRING], {}, "seasons[1].starts_at: before the end of 'summer'"),
        ([SPRING, SUMMER | {"starts_at": "2026-03-10T00:00Z"}], {}, "before the end of 'spring'"),
        ([SPRING | {"starts_at": "2026-02-28T00:00Z"}], {}, "before the challenge starts"),
        ([SPRING | {"ends_at": "2026-03-01T00:00Z"}], {}, "seasons[0].ends_at: not after starts_"),
        ([SPRING], {"end": "2026-03-10T00:00Z"}, "seasons[0].ends_at: the challenge ends at"),
        ([SUMMER], {"end": "2026-03-10T00:00Z"}, "seasons[0].starts_at: the challenge ends at"),
        ([SPRING | {"ends_at": "2026-03-10T12:00Z"}], {}, "not on the grid of 1d windows (UTC)"),
        (
            [SPRING],
            {"checkpoint_interval_seconds": 604800},
            "seasons[0].ends_at: not on the grid of checkpoint periods (604800 s) (UTC); near it "
            "are 2026-03-05T00:00:00+00:00 and 2026-03-12T00:00:00+00:00",
        ),
        ([SUMMER, SUMMER | {"name": "autumn"}], {}, "seasons[1].starts_at: 'summer' starts then"),
        ([SPRING | {"name": "a b"}], {}, "seasons[0].name: "),
        ([SPRING | {"until": 1}], {}, "seasons[0].until: "),
    ],
)
def test_seasons_that_contradict_something_are_refused_by_name(
    seasons: list[dict], changes: dict, said: str
) -> None:
    with pytest.raises(SpecError) as refused:
        challenge(*seasons, **changes)
    assert said in str(refused.value)
