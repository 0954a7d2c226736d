"""A model's calibration as coordinates: the reliability diagram and the PIT histogram.

Add here what needs arithmetic; avoid markup (``templates``) and computing calibration
(``domain.score.calibration``). The unit is a CSS pixel at the diagram's own size.
"""

from dataclasses import dataclass

from coordinator_pipelines.api.page.chart import Tick
from coordinator_pipelines.api.routes.calibration import ModelCalibration, ReliabilityPoint

SIZE = 360
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 12, 32


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often up came, by what was said, with the band in which it would if that were right."""

    band: str
    line: str
    dots: tuple[tuple[float, float], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Pit:
    """Outcomes in each tenth of the densities, and how many a calibrated model has in each."""

    bars: tuple[Bar, ...]
    level: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What the page shows of a model's calibration."""

    told: ModelCalibration
    reliability: Reliability | None
    pit: Pit | None
    size: int = SIZE
    left: int = LEFT
    right: int = SIZE - RIGHT
    top: int = TOP
    bottom: int = SIZE - BOTTOM


def calibrated(told: ModelCalibration) -> Calibrated | None:
    """The diagrams of a model; None if its answers say nothing that could be calibrated."""
    reliability = _reliability(told.reliability) if told.reliability else None
    pit = _pit(told.pit) if told.pit else None
    if reliability is None and pit is None:
        return None
    return Calibrated(told, reliability, pit)


def _reliability(points: list[ReliabilityPoint]) -> Reliability:
    above = [(_x(one.forecast), _y(one.high)) for one in points]
    below = [(_x(one.forecast), _y(one.low)) for one in reversed(points)]
    line = tuple((_x(one.forecast), _y(one.outcome)) for one in points)
    ticks = [number / 4 for number in range(5)]
    return Reliability(
        _path([*above, *below]),
        _path(line),
        line,
        tuple(Tick(_x(one), f"{one:g}") for one in ticks),
        tuple(Tick(_y(one), f"{one:g}") for one in ticks),
    )


def _pit(counts: list[int]) -> Pit:
    shares = [count / sum(counts) for count in counts]
    highest = max(0.2, *shares)
    width = _x(1 / len(counts)) - _x(0)
    bars = tuple(
        Bar(
            _x(place / len(counts)) + 1,
            _y(share / highest),
            round(width - 2, 1),
            round(_y(0) - _y(share / highest), 1),
        )
        for place, share in enumerate(shares)
    )
    return Pit(
        bars,
        _y(1 / len(counts) / highest),
        tuple(Tick(_x(one), f"{one:g}") for one in (0.0, 0.5, 1.0)),
        tuple(Tick(_y(one), f"{one * highest:.0%}") for one in (0.0, 0.5, 1.0)),
    )


def _path(points: tuple[tuple[float, float], ...] | list[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _x(value: float) -> float:
    return round(LEFT + value * (SIZE - LEFT - RIGHT), 1)


def _y(value: float) -> float:
    return round(SIZE - BOTTOM - value * (SIZE - TOP - BOTTOM), 1)
