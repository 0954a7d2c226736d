"""What the public pages show, put together for their templates.

Add here what a page says; avoid markup (``templates``) and geometry (``chart``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pandas as pd

from coordinator_pipelines.api.board import Board, LeaderboardRow, WindowCounts
from coordinator_pipelines.api.calibration import Bin, calibration
from coordinator_pipelines.api.http.answers import Sieve, records
from coordinator_pipelines.api.http.context import START_OF_TIME, Context
from coordinator_pipelines.api.http.parameters import Span
from coordinator_pipelines.api.page.calibrated import Calibrated, calibrated
from coordinator_pipelines.api.page.chart import Chart, line_chart
from coordinator_pipelines.api.page.payouts import PeriodPayout, payouts, payouts_of
from coordinator_pipelines.api.page.question import Question, better_score, question
from coordinator_pipelines.api.page.revisions import RevisedBoards, revised_boards
from coordinator_pipelines.api.page.rounds import ToldRound, told_rounds
from coordinator_pipelines.api.page.standings import (
    Standing,
    digits,
    provisional,
    ranked,
    standings,
)
from coordinator_pipelines.api.payout import RewardRow
from coordinator_pipelines.api.routes.calibration import told_calibration
from coordinator_pipelines.api.routes.health import is_stale
from coordinator_pipelines.api.routes.leaderboard import find_board
from coordinator_pipelines.api.routes.models import ModelRow, model_rows
from coordinator_pipelines.api.routes.score_points import point_instants
from coordinator_pipelines.api.season import seasons_told
from coordinator_pipelines.api.stored import json_object
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.season.season import Season, season_at
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import Schedule
from coordinator_pipelines.domain.spec.sections import MetricSpec
from coordinator_pipelines.domain.values.percent import percent

CHART_SPAN = timedelta(days=7)
CHART_POINTS = 240
CHART_MODELS, MOST_DRAWN = 5, 30
CALIBRATED = 5000
RECENT = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that nobody may overlook."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """A metric of the board."""

    field: str
    label: str
    hours: int
    sort: Literal["ascending", "descending"] | None
    """How models are ranked by it; None if they are not."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What every page shows."""

    question: Question
    mode: Mode
    modes: tuple[Mode, ...]
    """Those in which there are models."""
    source: str
    notices: tuple[Notice, ...]
    board: Board | None
    before_as_of: datetime | None
    """The instant of the board that moves are told from."""
    standings: tuple[Standing, ...]
    baseline: Standing | None
    columns: tuple[Column, ...]
    key_field: str
    order: str
    minimum_samples: int
    level: str
    """Of intervals and tiers, such as ``90 %``."""
    has_tiers: bool
    has_ensembles: bool
    seasons: tuple[Season, ...]
    season: Season | None
    """That of the board."""
    digits: int
    """Of metrics, after the point: as many as tell ranked models apart."""


@dataclass(frozen=True, slots=True)
class BoardPage:
    """The ranking."""

    shared: Shared
    ranked: list[Standing]
    provisional: list[Standing]
    unranked: list[Standing]
    ensembles: list[LeaderboardRow]
    """Those of the challenge, best first, where they are asked for."""
    ranks_from: datetime | None
    """When the first rank is due, if nobody has one yet."""
    chart: Chart | None
    choices: list[tuple[LeaderboardRow, bool]]
    """All models, and whether the chart shows them."""


@dataclass(frozen=True, slots=True)
class PayoutPage:
    """The payouts of the newest periods."""

    shared: Shared
    periods: list[PeriodPayout]


@dataclass(frozen=True, slots=True)
class RevisionPage:
    """The newest revisions of final boards."""

    shared: Shared
    revisions: list[RevisedBoards]


@dataclass(frozen=True, slots=True)
class ModelPage:
    """One model."""

    shared: Shared
    model: ModelRow
    standing: Standing | None
    row: LeaderboardRow | None
    windows: list[tuple[str, int, WindowCounts]]
    chart: Chart | None
    calibrated: Calibrated | None
    bins: list[Bin]
    recent: list[ToldRound]
    payouts: list[tuple[RewardRow, str]]


def board_page(
    context: Context,
    mode: Mode,
    chosen: Sequence[str] | None,
    until: datetime | None = None,
    *,
    ensembles: bool,
) -> BoardPage:
    """The ranking as it is now, or was. ``chosen``: the models of the chart; None for the best."""
    challenge, shared = context.challenge, shared_by_pages(context, mode, until)
    told = shared.standings
    on_top, waiting = ranked(told), provisional(challenge, told)
    best = [one.row.model_id for one in on_top or waiting][:CHART_MODELS]
    wanted, waits = set(chosen or best), {one.row.model_id for one in waiting}
    drawn = [one.row for one in told if one.row.model_id in wanted][:MOST_DRAWN]
    names = {row.model_id: row.model_name for row in drawn}
    key = challenge.ranking.key
    points = _points(context, shared, list(names))
    series = {
        name: [(at, metrics.get(key)) for at, metrics in points.get(model_id, ())]
        for model_id, name in names.items()
    }
    which = "the chosen models" if chosen else f"the best {len(series)} models"
    return BoardPage(
        shared,
        on_top,
        waiting,
        [one for one in told if not one.place and one.row.model_id not in waits],
        _ensembles(context, mode, until) if ensembles else [],
        None if on_top else _ranks_from(challenge, shared.board, waiting),
        line_chart(f"{label(key)} of {which}, last 7 days", series),
        [(one.row, one.row.model_id in names) for one in told],
    )


def model_page(context: Context, mode: Mode, model_id: str) -> ModelPage | None:
    """One model; None if there is none of that id."""
    models, _ = model_rows(context, mode)
    model = next((one for one in models if one.model_id == model_id), None)
    if model is None:
        return None
    shared = shared_by_pages(context, mode)
    points = _points(context, shared, [model_id]).get(model_id, [])
    series = {
        f"{column.label} ({column.hours} h)": [
            (instant, metrics.get(column.field.removeprefix("score_")))
            for instant, metrics in points
        ]
        for column in shared.columns
    }
    last = context.latest(mode)
    span = Span(last - CHART_SPAN, last)
    cells = _newest_cells(context, mode, span, model_id)
    standing = next((one for one in shared.standings if one.row.model_id == model_id), None)
    row = standing.row if standing else None
    return ModelPage(
        shared,
        model,
        standing,
        row,
        _windows(context.challenge, row),
        line_chart("Metrics, last 7 days", series),
        calibrated(told_calibration(context, mode, model_id, span)[0]),
        calibration(cells),
        list(told_rounds(context, cells.tail(RECENT)))[::-1],
        payouts_of(context, mode, model_id),
    )


def payout_page(context: Context, mode: Mode) -> PayoutPage:
    """Who was paid what of the newest periods."""
    return PayoutPage(shared_by_pages(context, mode), payouts(context, mode))


def revision_page(context: Context, mode: Mode) -> RevisionPage:
    """Which final boards came out otherwise later, and why."""
    return RevisionPage(shared_by_pages(context, mode), revised_boards(context, mode))


def _newest_cells(context: Context, mode: Mode, span: Span, model_id: str) -> pd.DataFrame:
    """The newest predictions of a model with their outputs, and what became of each."""
    reports, asked = context.reports, (mode, span.start, span.end, [model_id])
    bounds = reports.prediction_bounds(*asked, CALIBRATED)
    start, end = (bounds.first, bounds.end) if bounds else (span.end, span.end)
    return reports.reported_cells(mode, start, end, [model_id], outputs=True)


def _ensembles(context: Context, mode: Mode, until: datetime | None) -> list[LeaderboardRow]:
    board = find_board(context, mode, until, ensembles=True)
    return [row for row in board.rows if row.is_ensemble] if board else []


def label(name: str) -> str:
    """A metric's name for people."""
    return name.replace("_", " ").capitalize()


def shared_by_pages(context: Context, mode: Mode, until: datetime | None = None) -> Shared:
    """What every page shows, now or as of an instant."""
    challenge, seasons = context.challenge, seasons_told(context)
    board = find_board(context, mode, until)
    before = _board_before(context, board)
    told = standings(challenge, board, before)
    named = challenge.baseline_model
    return Shared(
        question(context, mode, board.as_of if board else None),
        mode,
        tuple(one for one in Mode if context.reports.member_since(one) is not None),
        _source(challenge),
        tuple(_notices(context, mode, board.as_of if board else None, past=until is not None)),
        board,
        before.as_of if before else None,
        tuple(told),
        next((one for one in told if one.row.model_id == named and one.skill is not None), None),
        tuple(_column(challenge, metric) for metric in challenge.metrics),
        f"score_{challenge.ranking.key}",
        _order(challenge),
        challenge.ranking.minimum_samples,
        _level(told) or percent(challenge.certainty.level),
        any(one.certainty and one.certainty.tier for one in told),
        bool(challenge.ensembles),
        tuple(seasons),
        season_at(seasons, board.as_of) if board else None,
        digits(challenge, told),
    )


def _level(told: Sequence[Standing]) -> str | None:
    """The level that the board was computed at."""
    levels = (one.row.certainty.level for one in told if one.row.certainty)
    return next(map(percent, levels), None)


def _board_before(context: Context, board: Board | None) -> Board | None:
    """The board of a batch window before, from which moves are told."""
    if board is None:
        return None
    earlier = board.as_of - context.challenge.window_length
    return find_board(context, board.mode, earlier) if earlier > START_OF_TIME else None


def _ranks_from(
    challenge: Challenge, board: Board | None, waiting: Sequence[Standing]
) -> datetime | None:
    """When the first model has the rounds that a rank needs, if it goes on answering."""
    schedules = [config.schedule for config in challenge.configs]
    rates = [1 / one.every_seconds for one in schedules if isinstance(one, Schedule)]
    if board is None or not waiting or not rates or board.mode is Mode.REPLAY:
        return None
    missing = challenge.ranking.minimum_samples - max(one.answered for one in waiting)
    return board.as_of + timedelta(seconds=missing / sum(rates))


def _column(challenge: Challenge, metric: MetricSpec) -> Column:
    ranking = challenge.ranking
    sort: Literal["ascending", "descending"] | None = None
    if metric.name == ranking.key and challenge.callables.LEADERBOARD_RANKER is None:
        sort = "descending" if ranking.direction == "desc" else "ascending"
    hours = challenge.trailing_windows_hours[metric.window]
    return Column(f"score_{metric.name}", label(metric.name), hours, sort)


def _order(challenge: Challenge) -> str:
    """By what models are ranked."""
    better = better_score(challenge)
    if better is None:
        return "by the challenge's own rule"
    return f"by {label(challenge.ranking.key)}, {better} is better"


def _windows(
    challenge: Challenge, row: LeaderboardRow | None
) -> list[tuple[str, int, WindowCounts]]:
    """Name, hours and counts of the trailing windows that the row tells of, shortest first."""
    counts = row.windows if row else {}
    windows = sorted(challenge.trailing_windows_hours.items(), key=lambda window: window[1])
    return [(name, hours, counts[name]) for name, hours in windows if name in counts]


def _source(challenge: Challenge) -> str:
    """Where prices come from; or that there are none."""
    if challenge.is_operated:
        return "posted by the operator"
    return f"{challenge.feed.provider} ({', '.join(sorted(challenge.feed.subjects))})"


def _notices(context: Context, mode: Mode, as_of: datetime | None, *, past: bool) -> list[Notice]:
    notices = []
    if context.is_simulated:
        made_up = context.challenge.feed.provider == "simulated"
        what = "The prices are made up" if made_up else "A recording is played as if it were live"
        text = f"{what}. Nothing on this page says anything about a market today."
        notices.append(Notice("simulated", "Simulated data", text))
    if not past and is_stale(context, mode, as_of):
        since = f"The newest board is of {as_of:%Y-%m-%d %H:%M} UTC" if as_of else "There is none"
        minutes = int(context.stale_after.total_seconds() // 60)
        text = f"{since}; there should be one that is at most {minutes} minutes old."
        notices.append(Notice("stale", "Out of date", text))
    if mode is Mode.REPLAY:
        text = "Models were asked after the fact, with the data of that time."
        notices.append(Notice("replay", "Replay, not live", text))
    return notices


def _points(
    context: Context, shared: Shared, model_ids: Sequence[str]
) -> dict[str, list[tuple[datetime, dict[str, Any]]]]:
    """The metrics of models over the last week, oldest first, in the order of the ids."""
    if shared.board is None or not model_ids:
        return {}
    span = Span(shared.board.as_of - CHART_SPAN, shared.board.as_of)
    instants = point_instants(context, shared.mode, span, CHART_POINTS)
    if not instants:
        return {}
    stored = context.reports.score_points(shared.mode, instants, model_ids, payload=False)
    sieve = Sieve(context, "model_scores")
    told: dict[str, list[tuple[datetime, dict[str, Any]]]] = {one: [] for one in model_ids}
    for row in records(stored):
        metrics = sieve.one(row["metrics_json"], _numbers)
        if metrics is not None:
            told[row["model_id"]].append((row["as_of"], metrics))
    sieve.report()
    return told


def _numbers(text: str) -> dict[str, float | None]:
    """The metrics of one row; raises for one that is no number."""
    values = json_object(text)
    return {name: None if value is None else float(value) for name, value in values.items()}
