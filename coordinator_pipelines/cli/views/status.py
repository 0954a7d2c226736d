"""The health of a live challenge as one screen of text; it fits into 100 columns.

Add here how health is shown; avoid finding anything out (``domain.health.health``). Texts that
models and feeds have a hand in are shown without control characters.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from textwrap import shorten

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coordinator_pipelines.cli.views.board import SHORT
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.health.config import ConfigHealth
from coordinator_pipelines.domain.health.health import (
    BoardHealth,
    CaptureHealth,
    Health,
    SignHealth,
    State,
)
from coordinator_pipelines.domain.health.model import ModelHealth, ModelState, Trouble
from coordinator_pipelines.domain.prediction_batch.timing import STAGES

STATES = {
    State.NEVER_LIVE: "has never been live: no round was ever captured",
    State.LIVE: "is [green]live[/], since {since}",
    State.IDLE: "is idle: no round is due soon; live since {since}",
    State.DOWN: "is [red]down[/]: rounds are due and no capture is at work; live since {since}",
    State.OVER: "is over; it was live since {since}",
}
MOST_STRETCHES = 5
"""So many of a config's newest missed stretches are shown; the JSON document has all."""
REASON_LENGTH = 120
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def show_health(console: Console, health: Health) -> None:
    """Print everything, the most urgent first."""
    for section in _sections(health):
        for part in section:
            console.print(part, soft_wrap=isinstance(part, str))
        if section:
            console.print()


def _sections(health: Health) -> Iterator[list[str | Table]]:
    """Parts that belong together; an empty list where there is nothing to tell."""
    now, was_live = health.at, health.state is not State.NEVER_LIVE
    yield [*_headlines(health), *(_capture(capture, now) for capture in health.captures)]
    yield [_signs(health.vital_signs, now)] if was_live else []
    yield [_configs(health.configs, now), *_remarks(health.configs, now)]
    if health.models:
        yield [_models(health.models, now), *_reasons(health.models, now)]
        yield [_answers(health.models, now)]
    yield [_latency(health.latency_ms)] if health.latency_ms else []
    yield [_board(health.board, now)] if was_live else []


def _headlines(health: Health) -> Iterator[str]:
    since = f"{health.live_since:%Y-%m-%d %H:%M:%S} UTC" if health.live_since else ""
    yield f"[bold]{health.challenge}[/] {STATES[health.state].format(since=since)}"
    yield f"{health.at:%Y-%m-%d %H:%M:%S} UTC, prices: {health.feed}; all times are UTC"
    if health.state is State.NEVER_LIVE:
        yield "`coordinator dev` runs a challenge live on this machine"


def _capture(capture: CaptureHealth, now: datetime) -> str:
    span = f"{_when(capture.span_start, now)} to {_when(capture.span_end, now)}"
    run = f"[bold]{_plain(capture.run_id[:8])}[/]"
    if capture.at_work:
        ago = _age(now, capture.last_sign_at)
        return f"Capture {run} is at work on {span}; last sign of life {ago} ago"
    if capture.ended_at:
        why = f"{_when(capture.ended_at, now)}: {_plain(capture.end_reason)}"
        return f"The last capture, {run} of {span}, ended {why}"
    when = _when(capture.last_sign_at, now)
    return f"The last capture, {run} of {span}, [red]was killed[/]: no sign of life since {when}"


def _signs(signs: Sequence[SignHealth], now: datetime) -> Table:
    table = _table("vital sign", "", "newest", ">lag", "*what is wrong")
    for sign in signs:
        state = "[green]ok[/]" if sign.ok else "[bold red]RED[/]"
        lag = _age(now, sign.newest) if sign.newest else "-"
        table.add_row(sign.name, state, _when(sign.newest, now), lag, _plain(sign.problem, ""))
    return table


def _configs(configs: Sequence[ConfigHealth], now: datetime) -> Table:
    headings = (">every", "last round", "next round", ">asked", ">void", ">missed in 24 h")
    table = _table("*config", *headings)
    for config in configs:
        following = _when(config.next_round, now)
        table.add_row(
            _plain(config.id),
            f"{config.every_seconds} s" if config.every_seconds else "opened",
            _when(config.last_round, now),
            "[yellow]PAUSED[/]" if config.paused_at else following,
            str(config.asked),
            str(config.void),
            f"[red]{config.missed}[/]" if config.missed else "0",
        )
    return table


def _remarks(configs: Sequence[ConfigHealth], now: datetime) -> Iterator[str]:
    """Pauses and missed rounds, a line each."""
    for config in configs:
        name = _plain(config.id)
        if config.paused_at:
            why = f": {_plain(config.pause_reason)}" if config.pause_reason else ""
            yield f"{name}: [yellow]paused[/] since {_when(config.paused_at, now)}{why}"
        earlier = len(config.missed_stretches) - MOST_STRETCHES
        if earlier > 0:
            yield f"{name}: {earlier} earlier stretches of missed rounds; --json has them"
        for text in config.missed_stretches[-MOST_STRETCHES:]:
            yield f"{name}: {_plain(text)}"


def _models(models: Sequence[ModelHealth], now: datetime) -> Table:
    table = _table("*model", "*name", "*owner", "state", "since", "*deployment")
    for model in models:
        colour = "green" if model.state is ModelState.CONNECTED else "yellow"
        table.add_row(
            _plain(model.id),
            _plain(model.name),
            _plain(model.owner),
            f"[{colour}]{model.state.value}[/]",
            _when(model.since, now),
            _plain(model.deployment),
        )
    return table


def _reasons(models: Sequence[ModelHealth], now: datetime) -> Iterator[str]:
    """Why models are lost, and until when they are expected all the same."""
    for model in models:
        until = model.expected_until
        expected = f", expected until {_when(until, now)}" if until else ""
        if model.reason or expected:
            yield f"{_plain(model.id)} {model.state.value}{expected}: {_plain(model.reason)}"


def _answers(models: Sequence[ModelHealth], now: datetime) -> Table:
    counts = [f">{short}" for short in SHORT.values()]
    table = _table("*answers of 1 h", *counts, ">p50 ms", ">p99 ms", "*last trouble")
    for model in models:
        times = model.exec_ms or {}
        table.add_row(
            _plain(model.id),
            *(_count(model, outcome) for outcome in SHORT),
            *(_figure(times.get(name)) for name in ("p50", "p99")),
            _trouble(model.trouble, now) if model.trouble else "",
        )
    return table


def _trouble(trouble: Trouble, now: datetime) -> str:
    reason = _plain(trouble.reason and shorten(trouble.reason, REASON_LENGTH))
    return f"{_when(trouble.performed_at, now)} {trouble.outcome}: {reason}"


def _latency(latency: dict[str, dict[str, float]]) -> Table:
    names = [*STAGES, "coordinator_ms", "total_ms"]
    table = _table("latency of 1 h, ms", *(f">{name.removesuffix('_ms')}" for name in names))
    for percentile in ("p50", "p99"):
        table.add_row(percentile, *(_figure(latency[name][percentile]) for name in names))
    return table


def _board(board: BoardHealth | None, now: datetime) -> str:
    if board is None:
        return "There is no live board yet"
    kind = "final" if board.final else "interim"
    leader = f"{_plain(board.leader)} leads {board.ranked}" if board.leader else "nobody is ranked"
    as_of = _when(board.as_of, now)
    return f"Newest board: {kind}, as of {as_of}, version {board.version}: {leader}"


def _table(*headings: str) -> Table:
    """A heading with ``>`` is of a column of numbers, one with ``*`` of one that may be folded."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(
            heading.lstrip(">*"),
            justify="right" if heading.startswith(">") else "left",
            no_wrap=not heading.startswith("*"),
            overflow="fold",
        )
    return table


def _count(model: ModelHealth, outcome: Outcome) -> str:
    return str(model.outcomes[outcome.value])


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _when(instant: datetime | None, now: datetime) -> str:
    """The time of day, with the date if it is another one than today."""
    if instant is None:
        return "-"
    return f"{instant:%H:%M:%S}" if instant.date() == now.date() else f"{instant:%Y-%m-%d %H:%M:%S}"


def _age(now: datetime, instant: datetime) -> str:
    seconds = int((now - instant).total_seconds())
    for size, unit in UNITS:
        if seconds >= 3 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _plain(text: str | None, missing: str = "-") -> str:
    """A text that cannot do anything to a terminal."""
    if text is None:
        return missing
    return escape("".join(c if c.isprintable() else " " for c in text))
