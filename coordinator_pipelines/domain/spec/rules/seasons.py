"""Rules of seasons: one after the other, and none cuts a window or a payout in two.

A rule yields every problem it finds.
"""

from collections.abc import Iterator

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import Problem
from coordinator_pipelines.domain.timeline.window import window_of


def seasons_follow_one_another(challenge: Challenge) -> Iterator[Problem]:
    """Names are distinct; each season starts after the one before, within the challenge."""
    seasons, names = challenge.seasons, [season.name for season in challenge.seasons]
    for i, season in enumerate(seasons):
        at = f"seasons[{i}]"
        if season.name in names[:i]:
            yield Problem(f"{at}.name", season.name, "is the name of another season too")
        if season.starts_at < challenge.start:
            early = f"before the challenge starts ({challenge.start.isoformat()})"
            yield Problem(f"{at}.starts_at", season.starts_at, early)
        if season.ends_at and season.ends_at <= season.starts_at:
            early = f"not after starts_at ({season.starts_at.isoformat()})"
            yield Problem(f"{at}.ends_at", season.ends_at, early)
        last = season.ends_at or season.starts_at
        if challenge.end and (last > challenge.end or season.starts_at == challenge.end):
            field = f"{at}.ends_at" if season.ends_at else f"{at}.starts_at"
            yield Problem(field, last, f"the challenge ends at {challenge.end.isoformat()}")
        if i and season.starts_at < max(
            filter(None, (seasons[i - 1].ends_at, seasons[i - 1].starts_at))
        ):
            before = f"before the end of '{names[i - 1]}'; list seasons in order, without overlaps"
            yield Problem(f"{at}.starts_at", season.starts_at, before)
        elif i and season.starts_at == seasons[i - 1].starts_at:
            same = f"'{names[i - 1]}' starts then too"
            yield Problem(f"{at}.starts_at", season.starts_at, same)


def seasons_cut_nothing_in_two(challenge: Challenge) -> Iterator[Problem]:
    """They begin and end with a batch window, and with a checkpoint period if the spec has one."""
    grids = [(challenge.window_length, f"{challenge.batch_window} windows")]
    if challenge.checkpoint_interval_seconds and not challenge.interval_is_refresh:
        length = challenge.checkpoint_length
        grids.append((length, f"checkpoint periods ({challenge.checkpoint_seconds} s)"))
    for i, season in enumerate(challenge.seasons):
        for name in ("starts_at", "ends_at"):
            instant = getattr(season, name)
            if instant is None or instant == (challenge.end if name == "ends_at" else None):
                continue
            cut = next((g for g in grids if window_of(instant, g[0]).start != instant), None)
            if cut is not None and not (instant == challenge.start and name == "starts_at"):
                near = window_of(instant, cut[0])
                ends = f"{near.start.isoformat()} and {near.end.isoformat()}"
                off = f"not on the grid of {cut[1]} (UTC); near it are {ends}"
                yield Problem(f"seasons[{i}].{name}", instant, off)
