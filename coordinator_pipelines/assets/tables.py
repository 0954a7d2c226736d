"""Tables that people look at in the Dagster UI, which shows them without a click.

Add a table here when more than one row of it is worth reading; avoid computing what it shows.
"""

from typing import Any

import dagster as dg
import pandas as pd

from coordinator_pipelines.domain.checkpoint.formats import PERCENT
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.leaderboard.certainty import in_ranking_window
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.percent import percent

MOST_EVENTS = 50
OUTCOMES = [outcome.value for outcome in Outcome]


def counts_by_model(cells: pd.DataFrame) -> dg.TableMetadataValue:
    """How often each outcome happened to each model."""
    counts = pd.crosstab(cells["model_id"], cells["status"]).reindex(columns=OUTCOMES, fill_value=0)
    rows = [
        [model, *map(str, values)]
        for model, values in zip(counts.index, counts.to_numpy().tolist(), strict=True)
    ]
    return _table(["model", *(name.lower() for name in OUTCOMES)], rows)


def scores_by_model(scores: pd.DataFrame) -> dg.TableMetadataValue:
    """Mean, count and imputed count of each model's scores."""
    imputed = scores["value"].notna() & (scores["rule"] != "scorer")
    by_model = scores.assign(imputed=imputed).groupby("model_id")
    summary = by_model.agg(mean=("value", "mean"), n=("value", "count"), imputed=("imputed", "sum"))
    rows = [
        [str(model), number(mean), str(n), str(imputed)]
        for model, mean, n, imputed in summary.sort_values("mean").iloc[::-1].itertuples()
    ]
    return _table(["model", "mean score", "scores", "of which imputed"], rows)


def calibration_by_model(errors: pd.DataFrame) -> dg.TableMetadataValue:
    """How well each model's probabilities of "up" came true, the best first."""
    rows = [
        [str(model), str(n), *(f"{value:.3f}" for value in values)]
        for model, n, *values in errors.sort_values("error").itertuples(index=False)
    ]
    header = ["model", "answers", "mean probability", "came true", "calibration error"]
    return _table(header, rows)


def leaderboard_table(challenge: Challenge, entries: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Rank, model, metrics, certainty, coverage, outcomes in the ranking window, why unranked."""
    window = challenge.metric(challenge.ranking.key).window
    names = [metric.name for metric in challenge.metrics]
    rows = []
    for entry in entries:
        score = entry["score"]
        summary = score["payload"]["windows"][window]
        coverage = summary["coverage"]
        sure = in_ranking_window(challenge, entry)
        rows.append(
            [
                str(entry["rank"] or "-"),
                entry["model_name"],
                *(number(score["metrics"].get(name)) for name in names),
                _between(sure.get("interval")),
                _between(sure.get("rank_interval")),
                str(sure.get("tier") or ""),
                "no data" if coverage is None else percent(coverage),
                *(str(summary["outcomes"].get(name, 0)) for name in OUTCOMES),
                entry["unranked_reason"] or "",
            ]
        )
    outcomes = [name.lower() for name in OUTCOMES]
    level = percent(challenge.certainty.level)
    sure_of = [f"{level} interval", f"{level} ranks", "tier"]
    return _table(["rank", "model", *names, *sure_of, "coverage", *outcomes, "why unranked"], rows)


def ensemble_table(lines: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """What each ensemble answered in a window, its mean score, and whom it trusted most."""
    rows = [
        [
            line["ensemble"],
            str(line["answers"]),
            number(line.get("mean_score")),
            line.get("basis") or "",
            line.get("heaviest") or "",
        ]
        for line in lines
    ]
    return _table(["ensemble", "answers", "mean score", "weights", "heaviest"], rows)


def payout_table(entries: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Place, model, account, index and share of each payee; of the others why they are not paid."""
    rows = [
        [
            "-" if e["place"] is None else f"{e['place']}{'=' if e['tied'] > 1 else ''}",
            e["model_name"],
            e["account"] or "",
            "" if e["cruncher_index"] is None else str(e["cruncher_index"]),
            number(e["value"]),
            f"{e['share'] / PERCENT:.7f} %" if e["share"] else "",
            e["unpaid"] or "",
        ]
        for e in entries
    ]
    return _table(["place", "model", "account", "index", "score", "share", "why unpaid"], rows)


def model_events(events: pd.DataFrame) -> dg.TableMetadataValue:
    """Joins, departures and failures of models, the newest last."""
    shown = events.tail(MOST_EVENTS)
    rows = [
        [f"{event['at']:%H:%M:%S}", event["model_id"], event["kind"].lower(), event["reason"] or ""]
        for event in shown.to_dict("records")
    ]
    return _table(["at", "model", "what happened", "reason"], rows)


def latency_table(figures: dict[str, dict[str, float]]) -> dg.TableMetadataValue:
    """Median and 99th percentile of each stage of a live instant, in milliseconds."""
    rows = [[name, f"{each['p50']:.1f}", f"{each['p99']:.1f}"] for name, each in figures.items()]
    return _table(["stage", "p50", "p99"], rows)


def number(value: float | None) -> str:
    """A metric with six digits; no data is said so."""
    return "no data" if value is None or pd.isna(value) else f"{value:.6g}"


def _between(ends: list[float] | None) -> str:
    return "" if ends is None else " to ".join(map(number, ends))


def _table(header: list[str], rows: list[list[str]]) -> dg.TableMetadataValue:
    columns = dg.TableSchema([dg.TableColumn(name, "string") for name in header])
    records = [dg.TableRecord(dict(zip(header, map(_cell, row), strict=True))) for row in rows]
    return dg.MetadataValue.table(records, columns)


def _cell(text: str) -> str:
    """The text on one line, whatever a model put into it."""
    return " ".join(text.split())
