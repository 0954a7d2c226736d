"""What a window's models are asked: the newest input of each round, and the calls made of it.

Add here what decides what a model may see and when; avoid who is asked (``prediction_batch``)
and how (``models``). A record is seen once: in the first question after it was observed.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.domain.author.rules import FeedContext, Rules
from coordinator_pipelines.domain.doors.ledger import RoundStatus
from coordinator_pipelines.domain.doors.models import Ask, Call, Question
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import ScheduledPredictionConfig
from coordinator_pipelines.domain.timeline.window import Window

Instants = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Sight:
    """The versions of records that were observed, per asset, in the order of observation."""

    challenge: Challenge
    frames: dict[str, pd.DataFrame]

    @classmethod
    def of(cls, challenge: Challenge, records: pd.DataFrame) -> "Sight":
        """What the records (all versions) show of each asset."""
        ordered = records.sort_values(["observed_at", "ended_at"], kind="stable")
        by_symbol = dict(tuple(ordered.groupby("subject", sort=False)))
        none = ordered.iloc[:0]
        assets = challenge.feed.subjects.items()
        return cls(challenge, {asset: by_symbol.get(symbol, none) for asset, symbol in assets})

    def newest(self, asset: str, instants: Instants) -> Instants:
        """End of the newest record of the asset that could be seen at each instant, or NaT."""
        observed_at, ended_at = (
            self.frames[asset][name].to_numpy("datetime64[us]")
            for name in ("observed_at", "ended_at")
        )
        newest = np.append(np.datetime64("NaT"), np.maximum.accumulate(ended_at))
        return newest[observed_at.searchsorted(instants, side="right")]

    def history(self, now: datetime) -> FeedContext:
        """The warm-up: the newest version of each record that ended in its length before now."""
        after = pd.Timestamp(now) - timedelta(seconds=self.challenge.warm_up_seconds)
        frames = {}
        for asset, frame in self.frames.items():
            seen = frame[(frame["observed_at"] <= now) & (frame["ended_at"] > after)]
            frames[asset] = _newest_versions(seen)
        return FeedContext(now, None, frames)

    def since(self, since: datetime, now: datetime) -> FeedContext:
        """What became visible after one question and before or at the next."""
        frames = {}
        for asset, frame in self.frames.items():
            first, stop = frame["observed_at"].searchsorted([since, now], side="right")
            new = frame.iloc[first:stop]
            frames[asset] = _newest_versions(new) if len(new) > 1 else new
        return FeedContext(now, since, frames)


def _newest_versions(records: pd.DataFrame) -> pd.DataFrame:
    """Of records in the order of observation: each once, as last seen, oldest first."""
    return records.drop_duplicates("ended_at", keep="last").sort_values("ended_at")


def with_inputs(challenge: Challenge, rounds: pd.DataFrame, sight: Sight) -> pd.DataFrame:
    """The rounds with ``input_ended_at``, ``status`` and ``reason``: VOID if the input is stale.

    What ended before a round's look-back is nothing to it, whether or not it is in sight: how far
    that reaches depends on what else is asked together with the round.
    """
    limit = timedelta(seconds=challenge.feed.staleness_limit_seconds)
    performed_at = rounds["performed_at"].to_numpy("datetime64[us]")
    newest = np.full_like(performed_at, "NaT")
    for config in challenge.configs:
        own = (rounds["prediction_config_id"] == config.id).to_numpy()
        newest[own] = sight.newest(config.asset, performed_at[own])
    newest[performed_at - newest > np.timedelta64(challenge.look_back)] = np.datetime64("NaT")
    ended_at = pd.DatetimeIndex(newest, tz="UTC")
    stale = ~(performed_at - newest <= np.timedelta64(limit))
    reason = np.full(len(rounds), None, dtype=object)
    seconds = challenge.feed.staleness_limit_seconds
    reason[stale] = [_stale_reason(newest, seconds) for newest in ended_at[stale]]
    status = np.where(stale, RoundStatus.VOID.value, RoundStatus.ASKED.value)
    return rounds.assign(input_ended_at=ended_at, status=status, reason=reason)


def _stale_reason(newest: Any, limit: int) -> str:
    if pd.isna(newest):
        return f"no record within the staleness limit ({limit} s)"
    return f"newest record ended {newest:%Y-%m-%d %H:%M:%S} UTC, beyond the limit of {limit} s"


def ask_window(
    challenge: Challenge, rules: Rules, window: Window, rounds: pd.DataFrame, sight: Sight
) -> tuple[Ask, pd.DataFrame]:
    """What the window's rounds that are not VOID ask, and the rounds with scope and input.

    ``rounds``: of :func:`with_inputs`, in the order of asking. Returns the same rows with
    ``scope_json`` and ``input_json`` (None for VOID rounds).
    """
    configs = {config.id: config for config in challenge.configs}
    questions: list[Question] = []
    history = None
    scopes: dict[Any, str] = {}
    inputs: dict[Any, str] = {}
    since: datetime | None = None
    asked = rounds[rounds["status"] == RoundStatus.ASKED.value]
    for _, due in asked.groupby("performed_at", sort=True):
        now = due["performed_at"].iloc[0].to_pydatetime()
        context = sight.history(now) if since is None else sight.since(since, now)
        ticks, data = rules.told(context)
        if since is None:
            history, ticks = ticks, ()
        calls = []
        for index, config_id in zip(due.index, due["prediction_config_id"], strict=True):
            call, scopes[index] = call_of(rules, configs[config_id], data)
            calls.append(call)
        inputs.update(dict.fromkeys(due.index, json.dumps(data, allow_nan=False)))
        questions.append(Question(now, ticks, tuple(calls)))
        since = now
    rounds = rounds.assign(
        scope_json=pd.Series(scopes, rounds.index, dtype="object"),
        input_json=pd.Series(inputs, rounds.index, dtype="object"),
    )
    name = f"{challenge.name} {window.start:%Y-%m-%dT%H:%M:%SZ}"
    return Ask(name, history, tuple(questions), challenge.call_limits), rounds


def call_of(rules: Rules, config: ScheduledPredictionConfig, data: Any) -> tuple[Call, str]:
    """The ``predict`` call of one config's round, and its scope as JSON.

    ``data``: the inference input of the instant.

    Raises:
        CallableError: the author's scope or call builder is at fault.
    """
    scope = rules.scope(config, data)
    call = rules.call(config, data, scope)
    return (
        Call(config.id, tuple(call["args"]), dict(call["kwargs"])),
        json.dumps(scope["scope"], allow_nan=False),
    )
