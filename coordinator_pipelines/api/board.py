"""One stored board, told row by row as the existing web front end reads it.

Add here what a row of a board says; avoid finding boards (``routes.leaderboard``) and
comparing two (``board_diff``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from coordinator_pipelines.api.certainty import Certainty, WindowCertainty
from coordinator_pipelines.api.contribution import Contribution
from coordinator_pipelines.api.http.answers import Answer, Sieve, records
from coordinator_pipelines.api.http.context import Context
from coordinator_pipelines.api.http.names import Name
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.api.stored import json_entries, json_object, sound
from coordinator_pipelines.domain.doors.ensemble import is_ensemble
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import UNKNOWN_OWNER
from coordinator_pipelines.domain.leaderboard.ensembles import among
from coordinator_pipelines.domain.leaderboard.ranking import sortable

UNRANKED = 999999
"""What the original told as the rank of who has none."""
NUMBER: dict[str, JsonValue] = {"anyOf": [{"type": "number"}, {"type": "null"}]}
_NOT_METRICS = ("score_metrics", "score_ranking", "score_payload")
_METRIC = r"^score_(?!(metrics|ranking|payload)$)"


class MetricsRow(Answer):
    """Base of rows with a flat field per metric of the challenge: ``score_<metric>``."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"additionalProperties": False, "patternProperties": {_METRIC: NUMBER}},
    )
    __pydantic_extra__: dict[str, float | None]


class Ranking(Answer):
    """By what a board is ranked."""

    model_config = ConfigDict(extra="ignore")

    key: str | None
    value: float | None
    direction: Literal["asc", "desc"] | None
    tie_breakers: list[str] = Field(default_factory=list)


class WindowCounts(BaseModel):
    """What a payload says of one trailing window, as far as pages show it."""

    n: int = 0
    n_imputed: int = 0
    expected: int = 0
    coverage: float | None = None
    outcomes: dict[str, int] = Field(default_factory=dict)


class MemberFacts(BaseModel):
    """What a payload says of the membership."""

    left_at: AwareDatetime | None = None


class PayloadFacts(BaseModel):
    """The part of a payload that this API relies on; an author adds more."""

    windows: dict[str, WindowCounts] = Field(default_factory=dict)
    member: MemberFacts = MemberFacts()


class LeaderboardRow(MetricsRow):
    """One model's place on a board."""

    model_id: str
    model_name: Name
    cruncher_name: Name
    cruncher_id: str
    rank: int = Field(description=f"1 to n; {UNRANKED} without a rank", examples=[1])
    unranked_reason: Name | None
    status: Literal["active", "left"]
    score_metrics: dict[str, float | None]
    score_ranking: Ranking
    score_payload: dict[str, JsonValue]
    certainty: Certainty | None = Field(description="Null on most interim boards")
    contributions: dict[str, Contribution] = Field(
        default_factory=dict, description="What it adds to each ensemble, where a board says it"
    )
    is_ensemble: bool = Field(default=False, description="A virtual model, which has no rank")
    extras: dict[str, JsonValue] = Field(description="What an author's aggregator added")
    created_at: ZonedTime = Field(description="When the board was written")
    as_of: ZonedTime = Field(description="The instant that the board is as of")
    version: int
    final: bool = Field(description="Whether every truth that was due is told")
    mode: Mode

    @property
    def windows(self) -> dict[str, WindowCounts]:
        """The counts of each trailing window."""
        return PayloadFacts.model_validate(self.score_payload).windows

    def certainty_in(self, window: str) -> WindowCertainty | None:
        """How sure the board is in one trailing window."""
        return None if self.certainty is None else self.certainty.windows.get(window)


ENTRY_FIELDS = frozenset(
    {"model_id", "model_name", "cruncher_name", "cruncher_id", "rank", "unranked_reason", "score"}
)


@dataclass(frozen=True, slots=True)
class Board:
    """A stored board and its rows, best first, the unranked ones last."""

    mode: Mode
    as_of: datetime
    version: int
    final: bool
    created_at: datetime
    content_hash: str | None
    rows: list[LeaderboardRow]
    skipped: int
    warning: str | None = None
    """Told with the board if it stands in for a newer one that cannot be read."""

    @property
    def is_readable(self) -> bool:
        """Whether anything of it can be told."""
        return bool(self.rows) or not self.skipped

    @property
    def name(self) -> str:
        """Which board it is, for people."""
        return f"the board as of {self.as_of:%Y-%m-%d %H:%M:%S} UTC, version {self.version}"

    def instead_of(self, other: "Board") -> "Board":
        """This board, shown where the other one cannot be."""
        warning = f"{other.name}, cannot be read; shown is {self.name}"
        return replace(self, skipped=self.skipped + other.skipped, warning=warning)


def told_board(context: Context, stored: pd.DataFrame, *, ensembles: bool = False) -> Board | None:
    """The board of a frame of one row, or None if it has none.

    ``ensembles``: with those of the challenge, at the places where their values would put them.
    """
    if stored.empty:
        return None
    facts = records(stored)[0]
    entries = _Entries(context, facts)
    sieve = Sieve(context, "leaderboard")
    rows = sorted(sieve.rows(entries.read(sieve), entries.row), key=lambda row: row.rank)
    if ensembles:
        own = sieve.rows(entries.read_ensembles(sieve), entries.row)
        ranked = [row for row in rows if row.rank != UNRANKED]
        rows = among(ranked, [row for row in rows if row.rank == UNRANKED], own, _place)
    return Board(
        Mode(facts["mode"]), facts["as_of"], facts["version"], facts["final"],
        facts["created_at"], facts["content_hash"],
        rows, sieve.skipped,
    )  # fmt: skip


def _place(row: LeaderboardRow) -> tuple[bool, float]:
    """What orders rows of a board that is ranked by its key."""
    return sortable(row.score_ranking.value, row.score_ranking.direction or "desc")


class _Entries:
    """The entries of one stored board."""

    def __init__(self, context: Context, facts: Mapping[str, Any]) -> None:
        self._names = [metric.name for metric in context.challenge.metrics]
        self._text, self._meta = facts["entries_json"], facts["meta_json"]
        self._shared = {
            name: facts[name] for name in ("created_at", "as_of", "version", "final", "mode")
        }

    def read(self, sieve: Sieve) -> list[Any]:
        """The entries as they are stored; none of them if their list cannot be read."""
        return sieve.one(self._text, json_entries) or []

    def read_ensembles(self, sieve: Sieve) -> list[Any]:
        """The entries of ensembles that are stored beside them."""
        told = sieve.one(self._meta, json_object) or {}
        beside = sieve.one(told.get("ensembles", {}), lambda stored: stored.get("entries", []))
        return beside if isinstance(beside, list) else []

    def row(self, entry: Any) -> LeaderboardRow:
        """The row of one entry; raises what ``Sieve`` understands if it is malformed."""
        score = sound(entry)["score"]
        metrics, payload = score["metrics"], score["payload"]
        facts = PayloadFacts.model_validate(payload)
        rank = entry.get("rank")
        return LeaderboardRow(
            model_id=entry["model_id"],
            model_name=entry.get("model_name") or entry["model_id"],
            cruncher_name=entry.get("cruncher_name") or UNKNOWN_OWNER,
            cruncher_id=entry.get("cruncher_id") or entry.get("cruncher_name") or UNKNOWN_OWNER,
            rank=UNRANKED if rank is None else rank,
            unranked_reason=entry.get("unranked_reason"),
            status="left" if facts.member.left_at else "active",
            score_metrics=metrics,
            score_ranking=score["ranking"],
            score_payload=payload,
            certainty=score.get("certainty"),
            contributions=score.get("contributions", {}),
            is_ensemble=is_ensemble(entry["model_id"]),
            extras={name: value for name, value in entry.items() if name not in ENTRY_FIELDS},
            **self._shared,
            **flat_metrics(self._names, metrics),
        )


def flat_metrics(names: list[str], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """``score_<metric>`` of the challenge's metrics and of all that are stored."""
    every = dict.fromkeys([*names, *metrics])
    fields = {f"score_{name}": metrics.get(name) for name in every}
    return {name: value for name, value in fields.items() if name not in _NOT_METRICS}
