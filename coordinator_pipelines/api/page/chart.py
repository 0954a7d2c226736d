"""Line charts as coordinates, for templates to draw as SVG.

Add here what needs arithmetic; avoid markup and colours (``templates``, ``static``). The unit is a
CSS pixel at the chart's own size; the page scales it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 88, 12, 22, 34
Y_TICKS, X_TICKS = 5, 4

Series = Sequence[tuple[datetime, float | None]]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid and what it stands for."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """One series: stretches without a gap as SVG points, and single points."""

    label: str
    stretches: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that a template draws."""

    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def line_chart(title: str, series: Mapping[str, Series]) -> Chart | None:
    """A chart of the series that have a value; None if none has. A None in a series is a gap."""
    told = {name: one for name, one in series.items() if any(v is not None for _, v in one)}
    instants = [instant for one in told.values() for instant, _ in one]
    values = [value for one in told.values() for _, value in one if value is not None]
    if not values:
        return None
    x = _Scale(min(instants).timestamp(), max(instants).timestamp(), LEFT, WIDTH - RIGHT)
    steps = _steps(min(values), max(values))
    y = _Scale(steps[0], steps[-1], HEIGHT - BOTTOM, TOP)
    lines = tuple(_line(name, one, x, y) for name, one in told.items())
    return Chart(title, lines, _time_ticks(min(instants), max(instants), x), _ticks(steps, y))


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.stop) / 2
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 1)


def _line(name: str, series: Series, x: _Scale, y: _Scale) -> Line:
    points = [
        None if value is None else (x(instant.timestamp()), y(value)) for instant, value in series
    ]
    runs = [list(run) for there, run in groupby(points, lambda one: one is not None) if there]
    told = [[point for point in run if point is not None] for run in runs]
    stretches = tuple(" ".join(f"{a},{b}" for a, b in run) for run in told if len(run) > 1)
    return Line(name, stretches, tuple(run[0] for run in told if len(run) == 1))


def _steps(low: float, high: float) -> list[float]:
    """Round numbers from at or below the lowest to at or above the highest value."""
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    raw = (high - low) / Y_TICKS
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [number * step for number in range(first, last + 1)]


def _ticks(steps: list[float], y: _Scale) -> tuple[Tick, ...]:
    exponent = Decimal(f"{steps[1] - steps[0]:.3g}").normalize().as_tuple().exponent
    digits = max(0, -int(exponent))
    return tuple(Tick(y(step), f"{step:.{digits}f}") for step in steps)


def _time_ticks(first: datetime, last: datetime, x: _Scale) -> tuple[Tick, ...]:
    if first == last:
        return (Tick(x(first.timestamp()), f"{first:%d %b %H:%M}"),)
    step = (last - first) / X_TICKS
    shape = "%d %b" if step.total_seconds() >= 86400 else "%d %b %H:%M"
    instants = [first + number * step for number in range(X_TICKS + 1)]
    return tuple(Tick(x(one.timestamp()), f"{one:{shape}}") for one in instants)
