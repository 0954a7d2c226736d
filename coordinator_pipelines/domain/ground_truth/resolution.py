"""Which windows are worth resolving now: something of theirs is due, or their board can be final.

Add here what decides when truths, scores and boards are brought up to date; avoid doing it.
"""

from datetime import datetime, timedelta

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, window_of, windows_between


def patience(challenge: Challenge) -> timedelta:
    """How long something may be late before it is wrong: two refreshes, and a minute to be done."""
    return timedelta(seconds=2 * challenge.refresh_seconds + 60)


def provable_until(challenge: Challenge, now: datetime) -> datetime:
    """The last instant whose bar a later closed bar can have proved final by now."""
    feed = challenge.feed
    return now - timedelta(seconds=feed.granularity_seconds + feed.publication_delay_seconds)


def span_to_resolve(challenge: Challenge, ledger: Ledger, now: datetime) -> Window | None:
    """From the first window with something to do to the one that is open now.

    The open window is always among them, since its trailing windows move on; after the end of
    the challenge there is none. None if nothing is to be done, as while it was never live.
    """
    live_since = ledger.first_captured_at()
    if live_since is None or live_since > now:
        return None
    current = window_of(now, challenge.window_length)
    end = min(current.end, challenge.end or current.end)
    starts = [current.start] if current.start < end else []
    due = ledger.due_rounds(provable_until(challenge, now))
    if due is not None:
        starts.append(window_of(due.first, challenge.window_length).start)
    starts += [window.start for window in _without_final_board(challenge, ledger, live_since, now)]
    return Window(min(starts), end) if starts else None


def _without_final_board(
    challenge: Challenge, ledger: Ledger, live_since: datetime, now: datetime
) -> list[Window]:
    """Closed windows that may still get their final board; older ones have had their chance.

    Those since the newest board had none: nothing was resolved then, however long ago that is.
    """
    deadline = timedelta(seconds=challenge.truth.resolution_deadline_seconds)
    farthest = max(config.cadence.horizon for config in challenge.configs)
    current = window_of(now, challenge.window_length)
    after = current.start - deadline - farthest - 2 * challenge.window_length
    newest = ledger.newest_scored(Mode.LIVE, live_since, now)
    after = max(live_since, after if newest is None else min(after, newest))
    until = min(current.start, challenge.end or current.start)
    if after >= until:
        return []
    closed = list(windows_between(after, until, challenge.window_length))
    heads = ledger.board_heads(Mode.LIVE, [window.end for window in closed])
    final = set(heads.loc[heads["final"].astype(bool), "as_of"])
    return [window for window in closed if window.end not in final]
