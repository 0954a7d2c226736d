"""The starter challenge on a user's price file: a spec of its own, derived from both.

Add here what follows from a file; avoid running anything.
"""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import yaml

from coordinator_pipelines.cli.challenge.location import directory_of, starter_spec
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.domain.timeline.window import window_of
from coordinator_pipelines.domain.values.errors import FeedConfigurationError, FeedDataError
from coordinator_pipelines.feeds.candles.inspection import Inspection, Series, inspected
from coordinator_pipelines.feeds.candles.problems import listed, shown
from coordinator_pipelines.feeds.candles.reading import Reading

BAR_SECONDS = 60
DEMO = timedelta(days=2)
"""As much is backfilled unless the user says otherwise."""


class OnPrices(NamedTuple):
    """The starter challenge on a file."""

    challenge: Challenge
    models: str
    """Content of its ``models.yaml``."""
    reading: Reading


def challenge_on_prices(
    path: Path,
    asset: str,
    symbol: str | None,
    layout: str | None = None,
    time_zone: ZoneInfo | None = None,
) -> OnPrices:
    """The starter challenge on one-minute candles from a file, for the span that they allow.

    It starts with the first window whose warm-up the file covers and ends with the last one
    whose outcomes it proves.

    Raises:
        FeedConfigurationError: the file or the symbol is not there, or the file is too short.
        FeedDataError: the file's data is broken.
    """
    inspection = inspected(path, layout, time_zone, BAR_SECONDS)
    if inspection.refusal:
        raise FeedDataError(inspection.refusal)
    series = _chosen(inspection, asset, symbol)
    subject = series.symbol or symbol or asset
    spec = yaml.safe_load(starter_spec().read_text())
    bar = timedelta(seconds=BAR_SECONDS)
    first, last = from_epoch(series.first) + bar, from_epoch(series.end)
    start, end = _span(first, last, spec["warm_up_seconds"])
    if end <= start:
        raise FeedConfigurationError(
            f"{path}: {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC is too short for a "
            "warm-up of two hours and one whole hour of rounds after it"
        )
    common = {
        key: spec["feed"][key] for key in ("publication_delay_seconds", "staleness_limit_seconds")
    }
    feed_spec = {
        **common,
        "provider": "file",
        "path": str(path.absolute()),
        "format": inspection.reading.layout,
        "time_zone": time_zone.key if time_zone else None,
        "subjects": {asset: subject},
        "granularity_seconds": BAR_SECONDS,
    }
    name = slug(path, asset)
    configs = spec["scheduled_prediction_configs"]
    for config in configs:
        config["scope_key"] = f"{asset.lower()}-1m"
        config["scope_template"]["asset"] = asset
    challenge = checked_challenge(
        {
            **spec,
            "name": name,
            "start": start,
            "end": end,
            "feed": feed_spec,
            "models_file": str(directory_of(name) / "models.yaml"),
        }
    )
    return OnPrices(challenge, _models(start, end), inspection.reading)


def _models(start: datetime, end: datetime) -> str:
    """The starter's models; who leaves does so half-way through what a demo backfills."""
    file = starter_spec().with_name("models.yaml")
    content = yaml.safe_load(file.read_text())
    half_way = start + min(DEMO, end - start) / 2
    for entry in content["models"]:
        entry["path"] = str(file.parent / entry["path"])
        if "active_until" in entry:
            entry["active_until"] = half_way.isoformat()
    text: str = yaml.safe_dump(content, sort_keys=False)
    return text


def _chosen(inspection: Inspection, asset: str, symbol: str | None) -> Series:
    """The series of the symbol that is asked for; of a file with one series, that one."""
    by_symbol = {series.symbol: series for series in inspection.series}
    if "" in by_symbol:
        return by_symbol[""]
    wanted = symbol or (asset if asset in by_symbol or len(by_symbol) > 1 else None)
    if wanted is None:
        return inspection.series[0]
    if wanted not in by_symbol:
        missing = f"has no symbol {shown(wanted)!r}" if symbol else "has several symbols"
        raise FeedConfigurationError(
            f"{inspection.path} {missing}: it has {listed(list(by_symbol))}. Say one of them with "
            f"--symbol."
        )
    return by_symbol[wanted]


def slug(path: Path, asset: str) -> str:
    """Name of the challenge on a file: the starter's, the asset, and the file's own name."""
    stem = re.sub(r"[^a-z0-9]+", "-", path.name.split(".")[0].lower()).strip("-")
    return f"{asset.lower()}-up-down-{stem}"[:60].rstrip("-")


def _span(first: datetime, last: datetime, warm_up: int) -> tuple[datetime, datetime]:
    hour = timedelta(hours=1)
    bar = timedelta(seconds=BAR_SECONDS)
    reach = first - bar + timedelta(seconds=warm_up)
    start = window_of(reach, hour).start
    start = start if start == reach else start + hour
    # The last round needs the bar at its horizon, and one more that proves it final.
    return start, window_of(last - bar, hour).start
