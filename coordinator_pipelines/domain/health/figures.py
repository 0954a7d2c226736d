"""What monitoring reads of a challenge: the health of it, in figures with names that stay.

Add a figure here when something must be drawn or alarmed about elsewhere; avoid what one process
knows of itself (``api.monitoring``) and how figures are written down. Figures say how things are
now, so that nothing is counted over a history: a scrape reads what ``coordinator status`` reads.
Instants are told as such, and not as ages: what reads them has a clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.doors.machine import Machine
from coordinator_pipelines.domain.ground_truth.resolution import provable_until
from coordinator_pipelines.domain.health.concerns import SIGNS
from coordinator_pipelines.domain.health.health import Health, State, health
from coordinator_pipelines.domain.health.model import ModelState
from coordinator_pipelines.domain.spec.challenge import Challenge

QUANTILES = {"p50": "0.5", "p99": "0.99"}
STAGE_OF_SIGN = {
    "feed_is_alive": "feed_record",
    "rounds_are_captured": "prediction_batch",
    "outcomes_follow": "ground_truth",
    "board_is_current": "model_score",
}


class Kind(StrEnum):
    """What a figure may do: go up and down, only up, or be counts below bounds."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Sample:
    """One number. ``suffix``: of the parts of a histogram, such as ``_bucket``."""

    value: float
    labels: Mapping[str, str]
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """Numbers of one name, told apart by their labels. Its unit is the end of the name."""

    name: str
    kind: Kind
    about: str
    samples: Sequence[Sample]


def gauge(name: str, about: str, *samples: tuple[float, Mapping[str, str]]) -> Figure:
    """A figure that says how things are."""
    return Figure(name, Kind.GAUGE, about, [Sample(float(v), labels) for v, labels in samples])


def figures(
    challenge: Challenge, ledger: Ledger, machine: Machine, now: datetime
) -> Iterator[Figure]:
    """All figures of a challenge. One without samples has nothing to tell yet.

    Raises:
        LedgerError: the database does not answer.
    """
    found = health(challenge, ledger, now)
    yield from _signs(found)
    yield _newest(ledger, found)
    yield from _backlog(challenge, ledger, now)
    yield from _rounds(found)
    yield from _models(found)
    yield from _board(found)
    yield _incidents(ledger, now)
    yield from _machine(machine)


def _signs(found: Health) -> Iterator[Figure]:
    yield gauge(
        "coordinator_state",
        "What the challenge is doing: 1 for the state that it is in.",
        *((found.state is state, {"state": state.value.replace(" ", "_")}) for state in State),
    )
    yield gauge(
        "coordinator_vital_sign_ok",
        "Whether what must move on does: 0 is an alarm.",
        *((sign.ok, {"sign": sign.name}) for sign in found.vital_signs),
    )
    yield gauge(
        "coordinator_captures_at_work",
        "Runs that ask live rounds; two while one hands over.",
        (sum(capture.at_work for capture in found.captures), {}),
    )


def _newest(ledger: Ledger, found: Health) -> Figure:
    newest = {STAGE_OF_SIGN[sign.name]: sign.newest for sign in found.vital_signs}
    newest["score"] = ledger.newest_score(Mode.LIVE)
    newest["leaderboard"] = found.board.as_of if found.board else None
    return gauge(
        "coordinator_newest_timestamp_seconds",
        "The instant that the newest row of a stage is about.",
        *((at.timestamp(), {"stage": stage}) for stage, at in newest.items() if at is not None),
    )


def _backlog(challenge: Challenge, ledger: Ledger, now: datetime) -> Iterator[Figure]:
    ahead = max(config.cadence.horizon for config in challenge.configs)
    asked = ledger.due_rounds(now + ahead)
    due = ledger.due_rounds(provable_until(challenge, now))
    yield gauge(
        "coordinator_rounds_waiting",
        "Live rounds that await a truth or scores: all of them, and those that could have them.",
        (asked.rounds if asked else 0, {"since": "asked"}),
        (due.rounds if due else 0, {"since": "due"}),
    )
    yield gauge(
        "coordinator_oldest_due_round_timestamp_seconds",
        "The oldest live round that could have a truth and scores and has not; none if all have.",
        *([(due.first.timestamp(), {})] if due else []),
    )


def _rounds(found: Health) -> Iterator[Figure]:
    yield gauge(
        "coordinator_rounds_last_day",
        "Live rounds of the last 24 hours by what became of them.",
        *(
            (count, {"config": config.id, "outcome": outcome})
            for config in found.configs
            for outcome, count in (
                ("asked", config.asked), ("void", config.void), ("missed", config.missed)
            )
        ),
    )  # fmt: skip
    yield gauge(
        "coordinator_config_paused",
        "Whether an operator has paused a prediction config.",
        *((config.paused_at is not None, {"config": config.id}) for config in found.configs),
    )
    yield gauge(
        "coordinator_round_stage_seconds",
        "How long the stages of live rounds took in the last hour: quantiles.",
        *(
            (of[name] / 1000, {"stage": stage.removesuffix("_ms"), "quantile": quantile})
            for stage, of in found.latency_ms.items()
            for name, quantile in QUANTILES.items()
        ),
    )


def _models(found: Health) -> Iterator[Figure]:
    yield gauge(
        "coordinator_models",
        "Models by where they stand.",
        *(
            (sum(model.state is state for model in found.models), {"state": state.value})
            for state in ModelState
        ),
    )
    yield gauge(
        "coordinator_model_answers_last_hour",
        "Cells of the last hour's live rounds by model and outcome.",
        *(
            (count, {"model": model.id, "outcome": outcome})
            for model in found.models
            for outcome, count in model.outcomes.items()
        ),
    )
    yield gauge(
        "coordinator_model_answer_seconds",
        "How long a model took to answer in the last hour: quantiles of the answers that came.",
        *(
            (model.exec_ms[name] / 1000, {"model": model.id, "quantile": quantile})
            for model in found.models
            if model.exec_ms
            for name, quantile in QUANTILES.items()
        ),
    )


def _board(found: Health) -> Iterator[Figure]:
    boards = [found.board] if found.board else []
    yield gauge(
        "coordinator_board_final",
        "Whether the newest live board is final.",
        *((board.final, {}) for board in boards),
    )
    yield gauge(
        "coordinator_board_ranked_models",
        "Models that have a rank on the newest live board.",
        *((board.ranked, {}) for board in boards),
    )


def _incidents(ledger: Ledger, now: datetime) -> Figure:
    stored = ledger.incidents(now)
    lasting = stored[stored["ended_at"].isna()]
    counts = lasting.groupby([lasting["name"], lasting["silenced_at"].notna()]).size().to_dict()
    return gauge(
        "coordinator_incidents",
        "What is wrong by sign, and whether somebody has taken note of it.",
        *(
            (counts.get((name, noted), 0), {"sign": name, "acknowledged": str(noted).lower()})
            for name in SIGNS
            for noted in (False, True)
        ),
    )


def _machine(machine: Machine) -> Iterator[Figure]:
    rooms, backups = machine.rooms(), machine.backups()
    yield gauge(
        "coordinator_filesystem_free_bytes",
        "What may still be written where databases, logs and Dagster's files are.",
        *((room.free, {"path": room.path}) for room in rooms),
    )
    yield gauge(
        "coordinator_filesystem_size_bytes",
        "How large the file systems are where databases, logs and Dagster's files are.",
        *((room.total, {"path": room.path}) for room in rooms),
    )
    yield gauge(
        "coordinator_backup_limit_seconds",
        "How old the newest backup may be; none if nobody has said where they are.",
        *([(backups.limit.total_seconds(), {})] if backups else []),
    )
    yield gauge(
        "coordinator_backup_newest_timestamp_seconds",
        "When the newest backup was made; none if there is none.",
        *([(backups.newest.timestamp(), {})] if backups and backups.newest else []),
    )
