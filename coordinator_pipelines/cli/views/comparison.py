"""Two models compared, in the terminal.

Add here how a comparison is shown; avoid computing any of it.
"""

from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator_pipelines.domain.score.comparison import Comparison
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.percent import percent

MOST_DECIDING = 5
PLOT_WIDTH = 60
BARS = "▁▂▃▄▅▆▇█"


def show_comparison(
    console: Console, challenge: Challenge, found: Comparison, until: datetime
) -> None:
    """Print means, difference, intervals, test, the sum of differences, deciding rounds."""
    first, second = map(escape, found.models)
    common = f"{found.rounds:,} rounds in which both have a score"
    console.print(f"[bold]{first}[/] and [bold]{second}[/], {common}", soft_wrap=True)
    console.print(f"{challenge.name}, until {until:%Y-%m-%d %H:%M} UTC", style="dim")
    if found.means is None or found.difference is None:
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    for name, value in _facts(found, found.means, found.difference):
        table.add_row(escape(name), escape(value))
    console.print(table)
    console.print(f"{_plot(found)}  sum of differences, {first} up", soft_wrap=True)
    if found.better is None:
        return
    console.print(
        f"Without {found.deciding:,} rounds {escape(found.better)} would not be the better one; "
        "the first of them:",
        soft_wrap=True,
    )
    for one in found.deciding_rounds:
        console.print(
            f"  {one.performed_at:%Y-%m-%d %H:%M:%S} {one.prediction_config_id}  "
            f"{one.first:.4f} and {one.second:.4f}",
            soft_wrap=True,
        )


def _facts(
    found: Comparison, means: tuple[float, float], difference: float
) -> list[tuple[str, str]]:
    level = percent(found.level)
    both = zip(found.models, means, strict=True)
    rows = [(f"mean of {name}", f"{mean:.4f}") for name, mean in both]
    rows.append(("difference", f"{difference:+.4f}"))
    interval = found.interval
    rows.append(
        (f"{level} interval", "rounds are too few")
        if interval is None
        else (
            f"{level} interval",
            f"{_ends(interval.low, interval.high)} (blocks of {interval.block_rounds} rounds)",
        )
    )
    if found.sequence is not None:
        rows.append((f"{level}, at all times", _ends(*found.sequence)))
    if found.test is not None:
        test = found.test
        told = f"{test.statistic:+.2f}, p = {test.p_value:.3g} (lag {test.lag})"
        rows.append(("Diebold-Mariano", told))
    return rows


def _ends(low: float, high: float) -> str:
    return f"{low:+.4f} .. {high:+.4f}"


def _plot(found: Comparison) -> str:
    """The sum of differences as a line of bars."""
    points = [float(found.cumulative[row]) for row in found.thinned(PLOT_WIDTH)]
    low, high = min(points), max(points)
    if low == high:
        return BARS[0] * len(points)
    step = (high - low) / (len(BARS) - 1)
    return "".join(BARS[round((point - low) / step)] for point in points)
