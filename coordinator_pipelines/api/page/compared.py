"""Two models compared, put together for its page.

Add here what the page says of a pair; avoid computing it (``domain.score.comparison``), markup
(``templates``) and geometry (``chart``).
"""

from dataclasses import dataclass

from coordinator_pipelines.api.http.context import Context
from coordinator_pipelines.api.http.parameters import Span
from coordinator_pipelines.api.page.chart import Chart, line_chart
from coordinator_pipelines.api.page.view import CHART_SPAN, Shared, shared_by_pages
from coordinator_pipelines.api.routes.compare import ComparedModels, compared
from coordinator_pipelines.api.routes.models import model_rows
from coordinator_pipelines.domain.doors.ledger import Mode

MORE_DIGITS = 2
"""A difference of means is told with more digits than a mean."""


@dataclass(frozen=True, slots=True)
class ComparePage:
    """A choice of two models, and what is known of them once they are chosen."""

    shared: Shared
    choices: list[tuple[str, str]]
    """Id and name of every model."""
    first: str | None
    second: str | None
    told: ComparedModels | None
    names: tuple[str, str]
    better: str | None
    """The name of the better one."""
    chart: Chart | None
    digits: int


def compare_page(
    context: Context, mode: Mode, first: str | None, second: str | None
) -> ComparePage:
    """The comparison of two models that there are; else the choice alone."""
    shared = shared_by_pages(context, mode)
    models, _ = model_rows(context, mode)
    names = {one.model_id: one.model_name for one in models}
    told, chart = None, None
    if first in names and second in names and first != second:
        last = context.latest(mode)
        told = compared(context, mode, (str(first), str(second)), Span(last - CHART_SPAN, last))
        series = [(one.performed_at, one.sum) for one in told.cumulative]
        what = f"{names[str(first)]} less {names[str(second)]}, summed up"
        chart = line_chart("The sum of the differences, round by round", {what: series})
    pair = names.get(first or "", ""), names.get(second or "", "")
    return ComparePage(
        shared,
        sorted(names.items(), key=lambda one: one[1]),
        first,
        second,
        told,
        pair,
        names.get(told.better or "") if told else None,
        chart,
        shared.digits + MORE_DIGITS,
    )
