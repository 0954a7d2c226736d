"""Which windows are worth resolving now: something of theirs is due, or their board can be final.

Add here what decides when truths, scores and boards are brought up to date; avoid doing it.
"""

from datetime import datetime, timedelta

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.ledger import Ledger, Mode
from coordinator_pipelines.domain.round import Window, window_of, windows_between


def provable_until(challenge: Challenge, now: datetime) -> datetime:
    """The last instant whose bar a later closed bar can have proved final by now."""
    feed = challenge.feed
    return now - timedelta(seconds=feed.granularity_seconds + feed.publication_delay_seconds)


def span_to_resolve(challenge: Challenge, ledger: Ledger, now: datetime) -> Window | None:
    """From the first window with something to do to the one that is open now.

    The open window is always among them, since its trailing windows move on. None while the
    challenge has never been live.
    """
    live_since = ledger.first_captured_at()
    if live_since is None:
        return None
    starts = [window_of(now, challenge.window_length).start]
    due = ledger.due_rounds(provable_until(challenge, now))
    if due is not None:
        starts.append(window_of(due.first, challenge.window_length).start)
    starts += [window.start for window in _without_final_board(challenge, ledger, live_since, now)]
    return Window(min(starts), window_of(now, challenge.window_length).end)


def _without_final_board(
    challenge: Challenge, ledger: Ledger, live_since: datetime, now: datetime
) -> list[Window]:
    """Closed windows that may still get their final board; older ones have had their chance."""
    deadline = timedelta(seconds=challenge.truth.resolution_deadline_seconds)
    farthest = max(config.cadence.horizon for config in challenge.configs)
    current = window_of(now, challenge.window_length)
    after = max(live_since, current.start - deadline - farthest - 2 * challenge.window_length)
    if after >= current.start:
        return []
    closed = list(windows_between(after, current.start, challenge.window_length))
    final = ledger.board_finality(Mode.LIVE, [window.end for window in closed])
    return [window for window in closed if not final.get(window.end, False)]
