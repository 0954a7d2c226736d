"""Live records come in beside the capture: late ones as soon as may be, and none is waited for."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from datetime import timedelta
from typing import Any

import pytest

from coordinator_pipelines.domain.prediction_batch.observation import Observation
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.feeds.simulated import SimulatedFeed
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.specs import changed
from tests.support.costly_feed import CostlyFeed
from tests.support.live import LIVE, LIVE_START, Rehearsal

SECOND = timedelta(seconds=1)


class ByHand(Executor):
    """Does what it was given when it is told to."""

    def __init__(self) -> None:
        self.given: list[Callable[[], None]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """A future that is done later."""
        future: Future[Any] = Future()
        self.given.append(lambda: future.set_result(fn(*args, **kwargs)))
        return future


@pytest.fixture
def executor() -> ByHand:
    return ByHand()


@pytest.fixture
def clock() -> Rehearsal:
    return Rehearsal(LIVE_START)


@pytest.fixture
def observation(sqlite_url: str, clock: Rehearsal, executor: ByHand) -> Iterator[Observation]:
    """What is observed of a feed with a bar a second, seen a second after its end."""
    challenge = checked_challenge(changed({}, LIVE))
    feed = SimulatedFeed(seed=1, granularity_seconds=1, subjects=["BTCUSDT"])
    ledger = SqlLedger(sqlite_url)
    observation = Observation(challenge, feed, ledger, clock, executor)
    observation.begin()
    yield observation
    ledger.close()


def newest(observation: Observation) -> Any:
    return observation.sight.frames["BTC"]["ended_at"].max()


def test_a_round_goes_without_what_has_not_arrived(
    observation: Observation, clock: Rehearsal, executor: ByHand
) -> None:
    before = newest(observation)
    clock.wait_until(LIVE_START + 14 * SECOND)
    observation.request()
    observation.collect()
    assert newest(observation) == before
    executor.given.pop()()
    observation.collect()
    assert newest(observation) == LIVE_START + 13 * SECOND


def test_the_feed_is_asked_once_at_a_time(
    observation: Observation, clock: Rehearsal, executor: ByHand
) -> None:
    for k in (14, 29, 44):
        clock.wait_until(LIVE_START + k * SECOND)
        observation.request()
    assert len(executor.given) == 1


def test_after_a_slow_answer_the_next_request_is_not_left_out(
    observation: Observation, clock: Rehearsal, executor: ByHand
) -> None:
    clock.wait_until(LIVE_START + 14 * SECOND)
    observation.request()
    clock.wait_until(LIVE_START + 20 * SECOND)
    executor.given.pop()()
    clock.wait_until(LIVE_START + 29 * SECOND)
    observation.request()
    assert newest(observation) == LIVE_START + 13 * SECOND
    executor.given.pop()()
    observation.collect()
    assert newest(observation) == LIVE_START + 28 * SECOND


def test_records_that_another_run_has_stored_meanwhile_are_seen_as_well(
    observation: Observation, clock: Rehearsal, executor: ByHand
) -> None:
    clock.wait_until(LIVE_START + 14 * SECOND)
    observation.request()
    records = observation.feed.records(["BTCUSDT"], LIVE_START, LIVE_START + 14 * SECOND)
    observation.ledger.add_feed_records(records, publication_delay=1, now=clock.now())
    executor.given.pop()()
    observation.collect()
    assert newest(observation) == LIVE_START + 13 * SECOND


@pytest.fixture
def costly(observation: Observation, clock: Rehearsal) -> CostlyFeed:
    """The same after five minutes of outage, from a feed that is asked for one bar at a time."""
    feed = CostlyFeed(observation.feed, SECOND)
    observation.feed = feed
    clock.wait_until(LIVE_START + 300 * SECOND)
    return feed


def asked(
    observation: Observation, feed: CostlyFeed, executor: ByHand, *, anew: bool = True
) -> list[int]:
    """Ends of the bars that are asked for, in seconds since the start; the answer is taken."""
    feed.asked.clear()
    if anew:
        observation.request()
    else:
        observation.catch_up()
    if executor.given:
        executor.given.pop()()
    observation.collect()
    return [int((end - LIVE_START).total_seconds()) for end in feed.asked]


def test_after_an_outage_the_newest_comes_first_and_then_the_rest_bit_by_bit(
    observation: Observation, costly: CostlyFeed, executor: ByHand
) -> None:
    assert asked(observation, costly, executor) == list(range(290, 300))
    assert newest(observation) == LIVE_START + 299 * SECOND
    assert asked(observation, costly, executor, anew=False) == list(range(280, 290))
    while asked(observation, costly, executor, anew=False):
        pass
    ends = observation.sight.frames["BTC"]["ended_at"]
    assert ends.tolist() == [LIVE_START + k * SECOND for k in range(-300, 300)]


def test_a_bar_that_is_lacking_is_asked_for_now_and_then_without_those_after_it(
    observation: Observation, costly: CostlyFeed, clock: Rehearsal, executor: ByHand
) -> None:
    costly.lacking = [LIVE_START + 100 * SECOND]
    while asked(observation, costly, executor):
        pass
    times: dict[int, list[int]] = {100: [], 350: []}
    for second in range(315, 460, 5):
        clock.wait_until(LIVE_START + second * SECOND)
        for end in asked(observation, costly, executor):
            if end in times:
                times[end].append(second)
    assert times == {100: [360, 420], 350: [355]}


def test_a_bar_that_is_late_is_asked_for_until_it_is_there(
    observation: Observation, costly: CostlyFeed, clock: Rehearsal, executor: ByHand
) -> None:
    costly.lacking = [LIVE_START + 299 * SECOND]
    while 299 not in asked(observation, costly, executor):
        pass
    clock.wait_until(LIVE_START + 302 * SECOND)
    costly.lacking = []
    assert 299 in asked(observation, costly, executor)


def test_a_capture_does_not_begin_with_hours_of_asking(
    sqlite_url: str, clock: Rehearsal, executor: ByHand, observation: Observation
) -> None:
    class Slow(CostlyFeed):
        def records(self, *question: Any) -> Any:
            clock.wait_until(clock.now() + 11 * SECOND)
            return super().records(*question)

    feed = Slow(observation.feed, SECOND)
    challenge, ledger = observation.challenge, SqlLedger(sqlite_url)
    clock.wait_until(LIVE_START + 3600 * SECOND)
    Observation(challenge, feed, ledger, clock, executor).begin()
    ledger.close()
    assert feed.asked == [LIVE_START + k * SECOND for k in range(3590, 3600)]
