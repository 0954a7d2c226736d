"""``/reports/export``: predictions and scores in bulk, as CSV or Parquet.

Add a table or a format here; avoid what single rows say (``predictions``). A range is written
part by part, so that a month needs no more memory than a part of it. Parquet needs the optional
extra ``parquet``, which is not installed where participants' bytes are decoded.
"""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from coordinator_pipelines.api.http.access import READ
from coordinator_pipelines.api.http.answers import Sieve
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.names import shown
from coordinator_pipelines.api.http.parameters import (
    AskedMode,
    AskedModels,
    AskedSpan,
    Span,
    known_models,
)
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.parquet import parquet_parts
from coordinator_pipelines.archive.parquet import WHOLE
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.report import resolved

routes = APIRouter(tags=["export"])

LONGEST = timedelta(days=31)
PART = timedelta(hours=1)
"""What is read at once: it bounds the memory of an export."""
PREDICTIONS = (
    "id", "mode", "prediction_config_id", "scope_key", "model_id", "performed_at",
    "resolvable_at", "version", "status", "output_json", "exec_time_ms", "code_hash",
)  # fmt: skip
SCORES = (
    "mode", "prediction_config_id", "model_id", "performed_at", "resolvable_at", "version",
    "status", "value", "success", "rule", "scorer", "prediction_version", "truth_version",
)  # fmt: skip
FORMULA = r"^(?=[=+@\t\r-])"
"""Where a spreadsheet takes a text for a formula. Ids of live models are whatever an orchestrator
calls them; all other texts are this package's own, or JSON, which does not begin like this."""
NAMES = ("model_id", "model_name", "cruncher_name", "cruncher_id", "unranked_reason")
"""What others chose."""
MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

Format = Annotated[Literal["csv", "parquet"], Query(alias="format")]
Parts = Iterator[pd.DataFrame]
RESPONSES: dict[int | str, dict[str, Any]] = {
    **documented(403, 406),
    200: {
        "description": "A file",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            MEDIA["parquet"]: {"schema": {"type": "string", "format": "binary"}},
        },
    },
}


@routes.get(
    "/reports/export/predictions",
    response_class=Response,
    responses=RESPONSES,
    dependencies=[READ],
)
def export_predictions(
    context: Ctx, mode: AskedMode, models: AskedModels, span: AskedSpan, kind: Format = "csv"
) -> StreamingResponse:
    """All predictions with `start <= performed_at < end`, at most 31 days.

    `output_json` is empty until its round is resolved.
    """
    return _file(context, mode, models, span, kind, "predictions", _predictions)


@routes.get(
    "/reports/export/scores",
    response_class=Response,
    responses=RESPONSES,
    dependencies=[READ],
)
def export_scores(
    context: Ctx, mode: AskedMode, models: AskedModels, span: AskedSpan, kind: Format = "csv"
) -> StreamingResponse:
    """All scores with `start <= performed_at < end`, at most 31 days, newest versions."""
    return _file(context, mode, models, span, kind, "scores", _scores)


def _file(
    context: Context,
    mode: Mode,
    models: tuple[str, ...] | None,
    span: Span,
    kind: str,
    name: str,
    read: Callable[[Context, Mode, Span, list[str] | None], Parts],
) -> StreamingResponse:
    if span.end - span.start > LONGEST:
        raise Refusal(422, f"an export covers at most {LONGEST.days} days; ask for a part of it")
    if kind == "parquet" and find_spec("pyarrow") is None:
        raise Refusal(406, "Parquet needs the extra: pip install 'coordinator-pipelines[parquet]'")
    _, chosen = known_models(context, mode, models)
    parts = _filled(read(context, mode, span, chosen))
    file_name = f"{context.challenge.name}-{mode}-{name}-{span.start:%Y%m%dT%H%M%SZ}.{kind}"
    return StreamingResponse(
        parquet_parts(parts) if kind == "parquet" else _csv(parts),
        media_type=MEDIA[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Cache-Control": "no-store",
        },
    )


def _spans(span: Span) -> Iterator[Span]:
    """The range in parts; one at least, so that an empty file has its header."""
    start = span.start
    while True:
        end = min(start + PART, span.end)
        yield Span(start, end)
        if end >= span.end:
            return
        start = end


def _filled(parts: Parts) -> Parts:
    """The first part, for its header, and those that have rows."""
    return (part for number, part in enumerate(parts) if number == 0 or len(part))


def _predictions(
    context: Context, mode: Mode, span: Span, models: list[str] | None
) -> Iterator[pd.DataFrame]:
    reports, sieve = context.reports, Sieve(context, "predictions")
    for part in _spans(span):
        rows = reports.reported_predictions(mode, part.start, part.end, models, outputs=True)
        if len(rows):
            truths = reports.ground_truths(part.start, part.end)
            known = rows["output_json"].mask(~resolved(rows, truths), None)
            rows = rows.assign(output_json=sieve.texts(known))
        yield rows[list(PREDICTIONS)]
    sieve.report()


def _scores(
    context: Context, mode: Mode, span: Span, models: list[str] | None
) -> Iterator[pd.DataFrame]:
    for part in _spans(span):
        yield context.reports.reported_scores(mode, part.start, part.end, models)[list(SCORES)]


def _csv(parts: Parts) -> Iterator[bytes]:
    for number, part in enumerate(parts):
        text = io.StringIO()
        _inert(part).to_csv(text, index=False, header=number == 0, date_format="%Y-%m-%dT%H:%M:%SZ")
        yield text.getvalue().encode()


def _inert(part: pd.DataFrame) -> pd.DataFrame:
    """The rows as a spreadsheet may read them: no formula, no odd name, whole numbers as such."""
    told = part.astype({name: "Int64" for name in WHOLE if name in part})
    names = {name: told[name].map(shown, na_action="ignore") for name in NAMES if name in told}
    return told.assign(
        **{name: one.str.replace(FORMULA, "'", regex=True) for name, one in names.items()}
    )
