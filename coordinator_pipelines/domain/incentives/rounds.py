"""Made-up rounds as the stages know them: which there are, who answered what, what came true.

Add here what a stage needs to be told of a round; avoid what is made of it (``simulation``).
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.checkpoint.payees import deciding
from coordinator_pipelines.domain.doors.ledger import MEMBERSHIP_COLUMNS, Mode, TruthState
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.incentives.answers import MOVE, PRICE, Form
from coordinator_pipelines.domain.incentives.forecasters import Player
from coordinator_pipelines.domain.incentives.world import World
from coordinator_pipelines.domain.leaderboard.ranking import key_window
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.emission import EmissionSpec
from coordinator_pipelines.domain.spec.sections import SERIES_STATISTICS, MetricSpec, RankingSpec

Section = TypeVar("Section", MetricSpec, RankingSpec, EmissionSpec)

WINDOW = timedelta(hours=4)
"""How long a simulated trailing window is, whatever its real length."""
MICROSECOND = timedelta(microseconds=1)
BOARDS = 4
"""Boards of a period that is paid on the mean over its boards, an hour from each other."""
ROUNDS = 40
"""Rounds of a window, if it has so many."""
MOST_CONFIGS = 10
"""Prediction configs that are simulated: the first ones."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the rounds of every field are, one field after the other, and its boards."""

    challenge: Challenge
    """The author's, with as few rounds and as short windows as are simulated."""
    rounds: int
    """Of one field."""
    boards: int

    @property
    def _length(self) -> timedelta:
        return WINDOW if self.boards == 1 else 2 * WINDOW

    def instants(self, fields: int) -> list[list[datetime]]:
        """The boards' instants of each field."""
        start = self.challenge.start.replace(minute=0, second=0, microsecond=0)
        hour = timedelta(hours=1)
        return [
            [start + field * self._length + WINDOW + board * hour for board in range(self.boards)]
            for field in range(fields)
        ]

    def table(self, fields: int) -> pd.DataFrame:
        """The rounds: ``prediction_config_id, performed_at, resolvable_at``, field by field."""
        configs = self.challenge.configs
        start = pd.Timestamp(self.instants(1)[0][0] - WINDOW).as_unit("us")
        number, length = np.arange(fields * self.rounds), self._length // MICROSECOND
        since = number // self.rounds * length
        since += (number % self.rounds + 1) * (length // self.rounds)
        resolvable = start + pd.to_timedelta(since, unit="us").as_unit("us")
        config = number % self.rounds % len(configs)
        horizon = np.array([one.cadence.horizon_seconds for one in configs])[config]
        return pd.DataFrame(
            {
                "prediction_config_id": np.array([one.id for one in configs], "object")[config],
                "performed_at": resolvable - pd.to_timedelta(horizon, unit="s"),
                "resolvable_at": resolvable,
            }
        )


def calendar(challenge: Challenge) -> Calendar:
    """The rounds that are simulated of a challenge.

    A window that holds more than so many is thinned, and with it the sample that a model must
    show: what counts is its share of the rounds. Metrics that need rounds one by one are left out.
    """
    keys = {challenge.ranking.key, deciding(challenge)}
    hours = min(challenge.trailing_windows_hours[key_window(challenge, key)] for key in keys)
    configs = challenge.configs[:MOST_CONFIGS]
    intervals = [config.interval_seconds for config in configs]
    held = sum(hours * 3600 // every for every in intervals if every) or ROUNDS
    rounds = max(min(held, ROUNDS), len(configs))
    means = challenge.emission.basis == "mean_of_boards"

    def thinned(section: Section) -> Section:
        least = section.minimum_samples
        if least is None:
            return section
        fewer = min(rounds, math.ceil(least * min(1.0, rounds / held)))
        return section.model_copy(update={"minimum_samples": fewer})

    metrics = (one for one in challenge.metrics if one.statistic not in SERIES_STATISTICS)
    window = int(WINDOW / timedelta(hours=1))
    simulated = challenge.model_copy(
        update={
            "scheduled_prediction_configs": configs,
            "trailing_windows_hours": dict.fromkeys(challenge.trailing_windows_hours, window),
            "metrics": tuple(map(thinned, metrics)),
            "ranking": thinned(challenge.ranking),
            "emission": thinned(challenge.emission),
        }
    )
    return Calendar(simulated, 2 * rounds if means else rounds, BOARDS if means else 1)


def predictions(
    table: pd.DataFrame,
    players: Sequence[Player],
    made: World,
    form: Form,
    validate: Callable[[Any], Any],
) -> pd.DataFrame:
    """What players answered as it is stored: the PREDICTION_COLUMNS that scores are made of."""
    parts, known = [], dict[int, list[str | None]]()
    for player in players:
        if id(player.belief) not in known:  # who is silent at times answers what another does
            answers = form.answers(player.belief, made.size)
            known[id(player.belief)] = [_accepted(validate, answer) for answer in answers]
        outputs, status = _given(player, known[id(player.belief)])
        texts = pd.Series(outputs, table.index, dtype="object")
        parts.append(table.assign(model_id=player.name, status=status, output_json=texts))
    cells = pd.concat(parts, ignore_index=True)
    return cells.assign(mode=Mode.LIVE.value, version=1, failed_reason=None, scope_key="simulated")


def truths(table: pd.DataFrame, made: World, form: Form) -> pd.DataFrame:
    """What came true: the GROUND_TRUTH_COLUMNS that scores are made of."""
    outcome = made.outcome[..., 0].ravel()
    return table.assign(
        version=1, state=TruthState.FINAL.value, reason=None, entry_price=PRICE,
        resolved_price=PRICE + MOVE * made.size.ravel() * outcome,
        outcome=(outcome > 0).astype("float64"),
        payload_json=pd.Series(form.truths(made), table.index, dtype="object"),
    )  # fmt: skip


def memberships(models: Sequence[str], since: datetime) -> pd.DataFrame:
    """All of them members from before the first round on."""
    rows = [(Mode.LIVE.value, name, since, None, name, name, name, "") for name in models]
    frame = pd.DataFrame(rows, columns=list(MEMBERSHIP_COLUMNS))
    for name in ("joined_at", "left_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame


def _given(player: Player, outputs: list[str | None]) -> tuple[list[str | None], list[str]]:
    """The answers that a player gives, and what becomes of each round."""
    if player.silent is not None:
        silent = player.silent.ravel().tolist()
        outputs = [
            None if is_silent else output for is_silent, output in zip(silent, outputs, strict=True)
        ]
        refused = [player.outcome if is_silent else Outcome.FAILED for is_silent in silent]
    else:
        refused = [Outcome.FAILED] * len(outputs)
    became = zip(outputs, refused, strict=True)
    return outputs, [(why if own is None else Outcome.SUCCESS).value for own, why in became]


def _accepted(validate: Callable[[Any], Any], answer: Any) -> str | None:
    try:
        return json.dumps(validate(answer))
    except Exception:  # noqa: BLE001 (an author's validator may raise anything: it is a verdict)
        return None
