"""What another spec would touch: rounds to come, scores, boards, payouts, or nothing.

Add a line to TOUCHES for every new field of the spec (a test asks for it); avoid what an author's
code does, which no spec tells, and recomputing anything (``audit``). Two specs are compared as they
are understood, with all defaults filled in: another spelling is no change. What a database refuses
is asked of what the ledger itself compares: identity, statistics buckets, contents of configs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.model import SpecModel


class Touch(StrEnum):
    """What a change touches."""

    NOTHING = "nothing"  # it is only shown, or checked
    RUNNING = "running"  # when and how things are done; what comes out is the same
    ROUNDS = "new rounds"
    SCORES = "re-scoring"
    BOARDS = "boards"
    PAYOUTS = "payouts"
    REFUSED = "refused"  # the challenge's database cannot be used with it


HARMLESS = (Touch.NOTHING, Touch.RUNNING)
MEANING = {
    Touch.NOTHING: "nothing that is computed",
    Touch.RUNNING: "when and how things are done; what comes out is the same",
    Touch.ROUNDS: "rounds that are asked from then on; those that were asked keep what they have",
    Touch.SCORES: "truths or scores from then on; earlier ones get new versions when their windows "
    "are materialised again, from ground_truth on",
    Touch.BOARDS: "boards from then on; `coordinator boards` lists final ones that would differ",
    Touch.PAYOUTS: "checkpoints that are not paid yet",
    Touch.REFUSED: "another challenge: it needs another name and a database of its own, or, of a "
    "prediction config, another id",
}
FOLLOWS = {
    Touch.SCORES: (Touch.BOARDS, Touch.PAYOUTS),
    Touch.BOARDS: (Touch.PAYOUTS,),
}
"""What is computed from what is touched is touched too."""

Touches = tuple[Touch, ...]
_NOTHING, _RUNNING, _ROUNDS = (Touch.NOTHING,), (Touch.RUNNING,), (Touch.ROUNDS,)
_SCORES, _BOARDS, _PAYOUTS = (Touch.SCORES,), (Touch.BOARDS,), (Touch.PAYOUTS,)
_REFUSED = (Touch.REFUSED,)

TOUCHES: Mapping[str, Touches] = {
    "spec_version": _NOTHING,
    "name": _REFUSED,
    "title": _NOTHING,
    "question": _NOTHING,
    "join_url": _NOTHING,
    "crunch_id": _PAYOUTS,
    "model_base_classname": _ROUNDS,
    "preset": _NOTHING,
    "tournament_mode": _NOTHING,
    "start": _ROUNDS,
    "end": _ROUNDS,
    "batch_window": _BOARDS,
    "checkpoint_interval_seconds": _PAYOUTS,
    "refresh_interval_seconds": _RUNNING,
    "replay_allowed": _RUNNING,
    "warm_up_seconds": _ROUNDS,
    "absence_grace_seconds": _ROUNDS,
    "models_file": _ROUNDS,
    "feed": _RUNNING,
    "feed.publication_delay_seconds": _ROUNDS,
    "feed.staleness_limit_seconds": _ROUNDS,
    "reference_feed": _RUNNING,
    "truth": _SCORES,
    "model_interface": _ROUNDS,
    "limits": _ROUNDS,
    "callables": _ROUNDS,
    "callables.GROUND_TRUTH_RESOLVER": _SCORES,
    "callables.SCORING_FUNCTION": _SCORES,
    "callables.MODEL_SCORE_AGGREGATOR": _BOARDS,
    "callables.LEADERBOARD_RANKER": _BOARDS,
    "callables.ENSEMBLE_WEIGHTS": _BOARDS,
    "callables.EMISSION_STRATEGY": _PAYOUTS,
    "callables.REPORT_SCHEMA_PROVIDER": _NOTHING,
    "scheduled_prediction_configs": (Touch.ROUNDS, Touch.BOARDS),
    "scheduled_prediction_configs[].scope_key": _REFUSED,
    "scheduled_prediction_configs[].scope_template": _REFUSED,
    "scheduled_prediction_configs[].schedule": _REFUSED,
    "scheduled_prediction_configs[].order": _RUNNING,
    "metrics[].order": _NOTHING,
    "ensembles[].order": _NOTHING,
    "scheduled_prediction_configs[].meta": _ROUNDS,
    "scoring": (Touch.ROUNDS, Touch.SCORES),
    "score_direction": _SCORES,
    "trailing_windows_hours": _BOARDS,
    "profile": _NOTHING,
    "metrics": _BOARDS,
    "ranking": _BOARDS,
    "missing_data": _SCORES,
    "missing_data.newcomers": _BOARDS,
    "missing_data.rejoining": _BOARDS,
    "ensembles": _BOARDS,
    "emission": _PAYOUTS,
    "seasons": _NOTHING,
    "strict_incentives": _NOTHING,
    "certainty": _BOARDS,
    "signal": _BOARDS,
}
"""Field, as docs/spec.md writes it -> what it touches; a section speaks for its fields."""
TOLD_APART_BY = {
    "scheduled_prediction_configs": "id",
    "metrics": "name",
    "ensembles": "name",
    "seasons": "name",
}
"""Lists whose entries have a name: their place says nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that says something else. None: it is not there."""

    field: str
    before: Any
    after: Any
    touches: Touches


def spec_changes(old: Challenge, new: Challenge) -> list[Change]:
    """Every field in which two specs differ, in the order of the spec."""
    return [
        Change(field, _plain(before), _plain(after), _touches(pattern, old, new))
        for field, pattern, before, after in _differences(old, new, "", "")
    ]


def all_touched(changes: list[Change]) -> list[Touch]:
    """What the changes touch together, and what follows from that, in the pipeline's order."""
    direct = {touch for change in changes for touch in change.touches}
    following = {later for touch in direct for later in FOLLOWS.get(touch, ())}
    return [touch for touch in Touch if touch in direct | following]


def touches_of(pattern: str) -> Touches | None:
    """What the table says of a field: itself, or the nearest section that it is in."""
    while pattern:
        for name in (pattern, pattern.removesuffix("[]")):
            if name in TOUCHES:
                return TOUCHES[name]
        pattern = pattern.rpartition(".")[0]
    return None


def _touches(pattern: str, old: Challenge, new: Challenge) -> Touches:
    """What the table says, and what depends on more than the field."""
    told = touches_of(pattern)
    assert told is not None, pattern
    if (
        pattern == "checkpoint_interval_seconds"
        and old.checkpoint_seconds == new.checkpoint_seconds
    ):
        return _RUNNING
    if pattern == "batch_window" and old.statistics_bucket != new.statistics_bucket:
        return _REFUSED
    if pattern.startswith("feed") and told == _RUNNING and old.feed.identity != new.feed.identity:
        return _REFUSED
    return told


Difference = tuple[str, str, Any, Any]


def _differences(old: SpecModel, new: SpecModel, at: str, pattern: str) -> Iterator[Difference]:
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield from _difference(before, after, f"{at}{name}", f"{pattern}{name}")


def _difference(before: Any, after: Any, at: str, pattern: str) -> Iterator[Difference]:
    if pattern in TOLD_APART_BY:
        yield from _entries(before, after, at, pattern, TOLD_APART_BY[pattern])
    elif _is_section(before) and type(before) is type(after):
        yield from _differences(before, after, f"{at}.", f"{pattern}.")
    else:
        yield at, pattern, before, after


def _is_section(value: Any) -> bool:
    """Whether all that it says is in fields: a scope may have keys of the challenge's own."""
    return isinstance(value, SpecModel) and value.model_config.get("extra") != "allow"


def _entries(before: Any, after: Any, at: str, pattern: str, key: str) -> Iterator[Difference]:
    old = {getattr(entry, key): entry for entry in before}
    new = {getattr(entry, key): entry for entry in after}
    for name in old | new:
        one, other = old.get(name), new.get(name)
        place = f"{at}[{name}]"
        if one is None or other is None:
            yield place, pattern, one, other
        elif one != other:
            yield from _differences(one, other, f"{place}.", f"{pattern}[].")
    if list(old) != list(new) and old.keys() == new.keys():
        yield at, f"{pattern}[].order", list(old), list(new)


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, SpecModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value if value is None or isinstance(value, bool | int | float) else str(value)
