"""An author's aggregator, checked: its metrics take the place of the engine's.

Add here what an aggregator gets and must return; avoid the engine's own metrics
(``model_score``). Counts, coverage and maturity stay the engine's, so that a minimum sample
holds whoever computes the metrics.
"""

import copy
import json
import math
from collections.abc import Callable
from numbers import Real
from typing import Annotated, Any

import pandas as pd
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from coordinator_pipelines.domain.author.entity import Entity
from coordinator_pipelines.domain.doors.published import model_score_hash
from coordinator_pipelines.domain.membership.standing import Standing
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.sections import Direction
from coordinator_pipelines.domain.values.content import canonical
from coordinator_pipelines.domain.values.errors import CallableError

Aggregator = Callable[[list[Entity], dict[str, Entity]], Any]

KEY = "MODEL_SCORE_AGGREGATOR"


def _finite_or_nothing(value: Any) -> float | None:
    """A number; what is not finite is no number, and costs nobody else the board."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError("it must be a number or null")
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


Metric = Annotated[float | None, BeforeValidator(_finite_or_nothing)]


class AuthorRanking(BaseModel):
    """By what an author ranks; what is not given is the challenge's, further keys are kept."""

    model_config = ConfigDict(extra="allow")

    key: str | None = None
    value: Metric = None
    direction: Direction | None = None
    tie_breakers: list[str] | None = None

    @property
    def order(self) -> dict[str, Any]:
        """What must be the same in all entries, where it is given."""
        wanted = {"key", "direction", "tie_breakers"}
        return self.model_dump(include=wanted, exclude_none=True)


class AuthorScore(BaseModel):
    """The ``score`` of an entry."""

    model_config = ConfigDict(extra="forbid")

    metrics: dict[str, Metric] = Field(default_factory=dict)
    ranking: AuthorRanking = AuthorRanking()
    payload: dict[str, Any] = Field(default_factory=dict)


class AuthorEntry(BaseModel):
    """What an aggregator says of one model; further keys are kept."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model_id: str
    score: AuthorScore


_ENTRIES = TypeAdapter(list[AuthorEntry])


def scored_predictions(challenge: Challenge, scores: pd.DataFrame) -> list[Entity]:
    """What an aggregator gets of each score of the longest window.

    Args:
        challenge: names the scopes.
        scores: newest versions (SCORE_COLUMNS) with ``resolvable_at`` in the window.

    Each has ``model_id, prediction_config_id, scope_key, scope, performed_at, resolvable_at,
    status`` and ``score`` (``value, success, failed_reason, rule``). A value that the
    missing-data policy gave is a value like any other: ``success`` says whether there is one.
    """
    configs = {config.id: config for config in challenge.scheduled_prediction_configs}
    scopes = {name: (config.scope_key, config.scope) for name, config in configs.items()}
    return [_scored(row, *scopes.get(row["prediction_config_id"], (None, {})))
            for row in scores.to_dict("records")]  # fmt: skip


def with_authors_metrics(
    challenge: Challenge,
    model_scores: pd.DataFrame,
    aggregate: Aggregator,
    scored: list[Entity],
    members: list[Standing],
) -> pd.DataFrame:
    """Model scores of one instant, with the metrics that an author's aggregator gives.

    It gets the scored predictions and, by id, the models that have joined: ``id, name,
    player_id, player_name, joined_at, left_at``. A model that it leaves out has no metrics; a
    metric that is not finite is null. ``payload_json`` gains ``"author": {"ranking", "payload",
    "extras"}``.

    Raises:
        CallableError: it raised, or returned something else than a list of entries, each
            ``{"model_id", "score": {"metrics", "ranking", "payload"}}`` of a different known
            model, ranked by the same key; the message says which and what.
    """
    models = {
        member.model_id: Entity(
            id=member.model_id,
            name=member.name,
            player_id=member.owner_id,
            player_name=member.owner,
            joined_at=member.joined_at,
            left_at=member.left_at,
        )
        for member in members
    }
    try:
        returned = aggregate(copy.deepcopy(scored), models)
    except Exception as error:
        raise CallableError(f"{KEY} raised {type(error).__name__}: {error}") from error
    entries = _checked(returned, {member.model_id for member in members})
    rows = model_scores.copy()
    content = [
        _content(entries.get(model_id), json.loads(payload), challenge)
        for model_id, payload in zip(rows["model_id"], rows["payload_json"], strict=True)
    ]
    columns = ("metrics_json", "payload_json", "content_hash")
    for name, values in zip(columns, zip(*content, strict=True), strict=False):
        rows[name] = list(values)
    return rows


def _scored(row: dict[Any, Any], scope_key: str | None, scope: dict[str, Any]) -> Entity:
    value = None if pd.isna(row["value"]) else row["value"]
    return Entity(
        model_id=row["model_id"],
        prediction_config_id=row["prediction_config_id"],
        scope_key=scope_key,
        scope=scope,
        performed_at=row["performed_at"].to_pydatetime(),
        resolvable_at=row["resolvable_at"].to_pydatetime(),
        status=row["status"],
        score=Entity(
            value=value,
            success=value is not None,
            failed_reason=row["failed_reason"],
            rule=row["rule"],
        ),
    )


def _checked(returned: Any, known: set[str]) -> dict[str, AuthorEntry]:
    """The entries by model."""
    try:
        entries = _ENTRIES.validate_python(returned)
        canonical([entry.model_dump() for entry in entries])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "result"
        raise CallableError(
            f"{KEY} returned a bad {where}: {first['msg']} (value {first['input']!r:.80})"
        ) from None
    except (TypeError, ValueError) as error:
        raise CallableError(f"{KEY} returned what cannot be stored: {error}") from None
    by_model = {entry.model_id: entry for entry in entries}
    if len(by_model) < len(entries) or not known.issuperset(by_model):
        listed = [entry.model_id for entry in entries]
        raise CallableError(
            f"{KEY} must return each model at most once, of {sorted(known)}; got {listed}"
        )
    orders = {canonical(entry.score.ranking.order) for entry in entries}
    if len(orders) > 1:
        raise CallableError(f"{KEY} ranks by more than one key: {', '.join(sorted(orders))}")
    return by_model


def _content(
    entry: AuthorEntry | None, payload: dict[str, Any], challenge: Challenge
) -> tuple[str, str, str]:
    """``metrics_json, payload_json, content_hash`` of one model."""
    score = entry.score if entry else AuthorScore()
    ranking = {**(score.ranking.model_extra or {}), **score.ranking.order}
    value = score.ranking.value
    if "value" not in score.ranking.model_fields_set:
        value = score.metrics.get(ranking.get("key", challenge.ranking.key))
    extras = (entry.model_extra if entry else None) or {}
    author = {"ranking": {**ranking, "value": value}, "payload": score.payload, "extras": extras}
    payload = {**payload, "author": author}
    digest = model_score_hash(score.metrics, payload)
    return canonical(score.metrics), canonical(payload), digest
