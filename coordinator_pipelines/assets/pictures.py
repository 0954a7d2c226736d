"""Plots that people look at in the Dagster UI, as Markdown with the image in it.

Add a plot here; avoid computing what it shows. Figures are made without pyplot (it keeps
global state), with a fixed layout and few colours: a backfill of a year draws hundreds of them.
"""

import base64
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

import dagster as dg
import pandas as pd
from PIL import Image

from coordinator_pipelines.domain.timeline.window import Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = 64


def illustrated(windows: Iterable[Window]) -> set[Window]:
    """The windows of a run that get plots: the last of each day, and so the newest of all.

    Drawing took a quarter of a long backfill, for pictures that nobody opens. Any other window
    gets its plots when it is materialized alone.
    """
    return set({window.start.date(): window for window in windows}.values())


def score_over_time(values: pd.DataFrame, label: str) -> dg.MarkdownMetadataValue:
    """Lines over time. ``values``: a row per instant, a column per model, NaN for no data."""
    figure, axes = _figure(legend=True)
    hours = [f"{instant:%H:%M}" for instant in values.index]
    for model in values.columns:
        axes.plot(hours, values[model], label=model, linewidth=1.2, marker=".", markersize=3)
    axes.set_xticks(range(0, len(hours), max(1, len(hours) // 8)))
    axes.set_ylabel(label, fontsize=8)
    axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return _image(figure, f"{label} over time")


def calibration(points: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """A line per model: how often "up" came true, by how probable it was said to be.

    ``points``: of ``metrics.calibration.reliability``; the larger a point, the more answers.
    """
    most = points["count"].max()
    figure, axes = _figure(legend=True)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    for model, own in points.groupby("model_id"):
        (line,) = axes.plot(own["said"], own["came"], label=model, linewidth=0.8)
        size = 4 + 60 * own["count"] / most
        axes.scatter(own["said"], own["came"], s=size, color=line.get_color())
    axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_xlabel("probability of up that was said", fontsize=8)
    axes.set_ylabel("share that came true", fontsize=8)
    return _image(figure, "Calibration")


def _figure(*, legend: bool) -> "tuple[Figure, Axes]":
    # Loading a code location must write nothing, and this one may write a list of fonts.
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(6.4, 2.6))
    axes = figure.add_axes((0.09, 0.16, 0.68 if legend else 0.88, 0.8))
    axes.grid(linewidth=0.3)
    axes.tick_params(labelsize=7)
    return figure, axes


def _image(figure: "Figure", title: str) -> dg.MarkdownMetadataValue:
    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="raw", dpi=90)
    size = tuple(int(side) for side in figure.get_size_inches() * 90)
    with Image.frombytes("RGBA", size, drawn.getvalue()) as image:  # type: ignore[arg-type]
        image.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE).save(packed, format="png")
    data = base64.b64encode(packed.getvalue()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{data})")
