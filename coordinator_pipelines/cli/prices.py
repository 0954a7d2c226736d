"""``coordinator prices``: what is in files of candles, before anything is made of them."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.markup import escape

from coordinator_pipelines.cli.challenge.price_file import BAR_SECONDS
from coordinator_pipelines.cli.views.price_options import format_option, time_zone_option
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.feeds.candles.inspection import (
    Inspection,
    Series,
    agreement,
    inspected,
)
from coordinator_pipelines.feeds.candles.layouts import LAYOUTS
from coordinator_pipelines.feeds.candles.problems import listed, shown
from coordinator_pipelines.stack.command import program

SYMBOLS = 5
GAPS = 3


@click.group()
def prices() -> None:
    """Files of candles."""


@prices.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@format_option
@time_zone_option
@click.option(
    "--granularity",
    type=click.IntRange(1),
    help="Length of a bar in seconds; default: the commonest step of the file.",
)
def inspect(
    files: tuple[Path, ...],
    layout: str | None,
    time_zone: ZoneInfo | None,
    granularity: int | None,
) -> None:
    """Say what is in FILES and what would be taken of them; several are compared.

    Exit status 1 if one of them would be refused. docs/feeds.md has the layouts that are read.
    """
    console = open_console()
    found = [inspected(path, layout, time_zone, granularity) for path in files]
    for inspection in found:
        _say(console, inspection)
    for one, other in combinations(found, 2):
        _compare(console, one, other)
    if any(inspection.refusal for inspection in found):
        raise SystemExit(1)


def _say(console: Console, inspection: Inspection) -> None:
    reading = inspection.reading
    source = next(layout.source for layout in LAYOUTS if layout.name == reading.layout)
    columns = ", ".join(f"{column} is '{shown(name, 30)}'" for column, name in reading.columns)
    console.print(f"[bold]{escape(str(inspection.path))}[/]", soft_wrap=True)
    _line(console, "layout", f"{reading.layout} ({source})")
    _line(console, "times", reading.times)
    _line(console, "columns", columns)
    for note in reading.notes:
        _line(console, "note", note)
    for series in inspection.series[:SYMBOLS]:
        _say_series(console, series)
    if (more := len(inspection.series) - SYMBOLS) > 0:
        rest = [series.symbol for series in inspection.series[SYMBOLS:]]
        _line(console, "symbols", f"and {more:,} more: {listed(rest)}")
    _say_what_is_taken(console, inspection)


def _say_series(console: Console, series: Series) -> None:
    _line(console, "symbol", f"'{shown(series.symbol)}'" if series.symbol else "none")
    bar = series.granularity_seconds
    _line(console, "  candles", f"{len(series.closes):,}, {bar} s apart")
    _line(console, "  range", f"{_clock(series.first, bar)} to {_clock(series.end, bar)} UTC")
    gaps = series.gaps()
    longest = "; ".join(f"{count:,} from {_clock(first, bar)}" for first, count in gaps[:GAPS])
    missing = sum(count for _, count in gaps)
    in_gaps = f" in {len(gaps):,} gap{'s' if len(gaps) > 1 else ''}, the longest: {longest}"
    _line(console, "  missing", f"{missing:,}{in_gaps if gaps else ''}")
    if series.repeated:
        _line(console, "  repeated", f"{series.repeated:,}")


def _say_what_is_taken(console: Console, inspection: Inspection) -> None:
    if inspection.refusal:
        console.print(f"[bold red]Nothing of it would be taken.[/] {escape(inspection.refusal)}")
        console.print()
        return
    total = sum(len(series.closes) for series in inspection.series)
    bar = inspection.granularity_seconds
    console.print(
        f"All {total:,} candles would be taken by a feed with granularity_seconds: {bar}."
    )
    if bar == BAR_SECONDS:
        symbol = inspection.series[0].symbol
        chosen = f" --symbol {shown(symbol)}" if len(inspection.series) > 1 else ""
        command = f"{program()} demo --prices {inspection.path}{chosen}"
        console.print(f"Next: [bold]{escape(command)}[/]", soft_wrap=True)
    console.print()


def _compare(console: Console, one: Inspection, other: Inspection) -> None:
    """Two files of one price fit at the same instants; a misread one fits when it is moved."""
    for first, second in _pairs(one.series, other.series):
        names = f"{one.path.name} and {other.path.name}"
        names += f", {first.symbol}" if len(one.series) > 1 else ""
        found = agreement(first, second)
        if found is None:
            console.print(f"{escape(names)}: too few candles at the same instants to compare")
            continue
        text = f"{found.shared:,} closes at the same instants, {found.difference:.4%} apart"
        if found.shift == 0:
            console.print(f"{escape(names)}: {text}")
            continue
        moved = timedelta(seconds=abs(found.shift))
        way = "later" if found.shift > 0 else "earlier"
        console.print(
            f"[bold red]{escape(names)}: they only fit if the second is {moved} {way}[/] "
            f"({found.difference:.4%} apart then): one of them says the end of a bar for its "
            f"start, or the time of another zone.",
            soft_wrap=True,
        )


def _pairs(one: Sequence[Series], other: Sequence[Series]) -> list[tuple[Series, Series]]:
    """Series of one symbol; of two files with one series each, those."""
    if len(one) == len(other) == 1:
        return [(one[0], other[0])]
    named = {series.symbol: series for series in other}
    return [(series, named[series.symbol]) for series in one if series.symbol in named][:SYMBOLS]


def _line(console: Console, label: str, text: str) -> None:
    console.print(f"  {label:<11} {escape(text)}", soft_wrap=True)


def _clock(epoch: int, bar: int) -> str:
    return from_epoch(epoch).strftime("%Y-%m-%d %H:%M" if bar % 60 == 0 else "%Y-%m-%d %H:%M:%S")
