"""Rules of dates and periods: where windows, checkpoints and replays begin and end.

A rule yields every problem it finds.
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.timeline.instant import SECOND
from coordinator_pipelines.domain.timeline.window import CHECKPOINT_PERIODS, window_of


def dates_lie_on_the_grid(challenge: Challenge) -> Iterator[Problem]:
    """A challenge starts and ends with a batch window."""
    for field, instant in (("start", challenge.start), ("end", challenge.end)):
        if instant and window_of(instant, challenge.window_length).start != instant:
            grid = f"not on the grid of {challenge.batch_window} windows (UTC)"
            yield Problem(field, instant, grid)
    if challenge.end and challenge.end <= challenge.start:
        yield Problem("end", challenge.end, f"not after start ({challenge.start.isoformat()})")


def intervals_agree(challenge: Challenge) -> Iterator[Problem]:
    """Checkpoints end with a batch window; one refresh interval, not two."""
    given, window = challenge.checkpoint_interval_seconds, challenge.window_length // SECOND
    if challenge.checkpoint_seconds % window:
        multiple = f"not a multiple of the batch window ({window} s)"
        yield Problem("checkpoint_interval_seconds", given, multiple)
    elif challenge.checkpoint_seconds not in CHECKPOINT_PERIODS:
        lengths = ", ".join(map(str, CHECKPOINT_PERIODS))
        recur = f"does not recur at the same times of a day or of a week; choose one of {lengths}"
        yield Problem("checkpoint_interval_seconds", given, recur)
    if challenge.interval_is_refresh and challenge.refresh_interval_seconds not in (None, given):
        yield Problem(
            "checkpoint_interval_seconds", given,
            "shorter than a batch window, so it means the refresh interval, and contradicts "
            f"refresh_interval_seconds ({challenge.refresh_interval_seconds})",
        )  # fmt: skip


def out_of_sample_is_never_replayed(challenge: Challenge) -> Iterator[Problem]:
    """Predictions out of sample are made live or not at all."""
    if challenge.tournament_mode == "out-of-sample" and challenge.replay_allowed:
        live = "contradicts tournament_mode 'out-of-sample': its predictions are made live only"
        yield Problem("replay_allowed", True, live)
