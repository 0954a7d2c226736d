"""Leaderboards: every model that has ever taken part, ranked or with the reason why not.

Add here what an entry or a board says; avoid the order itself (``ranking``) and metrics
(``model_score``).
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.author.ranking import ranked_by_author
from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import LEADERBOARD_COLUMNS, Mode
from coordinator_pipelines.domain.doors.published import board_hash
from coordinator_pipelines.domain.leaderboard.ranking import (
    Entry,
    in_order,
    unranked_reason,
    without_key,
)
from coordinator_pipelines.domain.membership.standing import Standing, histories, standings
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.content import canonical

COLUMNS = [name for name in LEADERBOARD_COLUMNS if name != "version"]
TellBeside = Callable[
    [list[Entry], pd.DataFrame, datetime], tuple[Mapping[str, Any], Mapping[str, Any]]
]
TellCertainty = Callable[[list[Entry], datetime], tuple[Mapping[str, Any], Mapping[str, Any]]]
COUNTS = ("n", "n_imputed", "expected", "coverage", "mature", "outcomes")


def leaderboard(
    challenge: Challenge, rules: Rules, model_scores: pd.DataFrame, members: list[Standing]
) -> list[Entry]:
    """The entries of one board: ranked 1 to n, then unranked by name.

    Args:
        challenge: gives the ranking.
        rules: may hold an author's ranker.
        model_scores: of one instant (MODEL_SCORE_COLUMNS), a row for each member; others, of
            memberships that were withdrawn since, are left out.
        members: who had joined by that instant.

    Each entry: ``{"model_id", "model_name", "cruncher_name", "cruncher_id", "rank",
    "unranked_reason", "score": {"metrics", "ranking": {"key", "value", "direction",
    "tie_breakers"}, "payload"}}`` and what an author's aggregator added.

    Raises:
        CallableError: the author's ranker returned something else than a ranking.
    """
    standing = {member.model_id: member for member in members}
    columns = ("model_id", "metrics_json", "payload_json")
    scores = zip(*(model_scores[name] for name in columns), strict=True)
    entries = [
        entry_of(challenge, standing[model_id], json.loads(metrics), json.loads(payload))
        for model_id, metrics, payload in scores
        if model_id in standing
    ]
    for entry in entries:
        reason = unranked_reason(challenge, entry)
        if rules.rank is None:
            reason = reason or without_key(entry)
        entry["unranked_reason"] = reason
    eligible = in_order(challenge, [e for e in entries if e["unranked_reason"] is None])
    if rules.rank is not None:
        eligible = ranked_by_author(rules.rank, eligible)
    else:
        eligible = [{**entry, "rank": place} for place, entry in enumerate(eligible, 1)]
    ranked = [entry for entry in eligible if entry["rank"] is not None]
    rest = [entry for entry in eligible if entry["rank"] is None]
    rest += [entry for entry in entries if entry["unranked_reason"] is not None]
    return ranked + sorted(rest, key=lambda entry: (str(entry["model_name"]), entry["model_id"]))


def leaderboards(
    challenge: Challenge,
    rules: Rules,
    model_scores: pd.DataFrame,
    memberships: pd.DataFrame,
    final: Mapping[datetime, bool],
    *,
    mode: Mode,
    run_id: str,
    certainty: TellCertainty,
    ensembles: TellBeside | None = None,
) -> pd.DataFrame:
    """One board per instant: LEADERBOARD_COLUMNS without ``version``.

    Args:
        challenge: gives the ranking.
        rules: may hold an author's ranker.
        model_scores: of all the instants.
        memberships: all memberships of the mode.
        final: for each instant in order, whether every truth that is due by then is known.
        mode: of all the frames.
        run_id: who computed it.
        certainty: what to tell of how sure a board is, of each model and of all.
        ensembles: what to tell of the challenge's ensembles beside the entries, in the same form;
            None: it has none.

    The hash covers entries, ``final`` and ``meta_json``, which says how the board is ranked.

    Raises:
        CallableError: the author's ranker returned something else than a ranking.
    """
    models = histories(memberships)
    places = model_scores.groupby("as_of").indices
    meta = ranked_under(challenge)
    boards = []
    for instant, is_final in final.items():
        rows = model_scores.iloc[places.get(pd.Timestamp(as_utc(instant)), [])]
        entries = leaderboard(challenge, rules, rows, standings(models, as_utc(instant)))
        by_model, of_all = certainty(entries, as_utc(instant))
        for entry in entries:
            entry["score"]["certainty"] = by_model.get(entry["model_id"])
        own_meta = {**meta, "certainty": of_all}
        if ensembles is not None:
            added, own_meta["ensembles"] = ensembles(entries, rows, as_utc(instant))
            for entry in entries:
                entry["score"]["contributions"] = added.get(entry["model_id"], {})
        digest = board_hash(entries, own_meta, final=is_final)
        texts = (canonical(entries), canonical(own_meta), digest)
        boards.append((mode.value, as_utc(instant), is_final, *texts, run_id))
    frame = pd.DataFrame(boards, columns=COLUMNS)
    frame["as_of"] = pd.to_datetime(frame["as_of"], utc=True).astype("datetime64[us, UTC]")
    return frame


def inconsistencies(
    entries: list[Entry], expected_models: list[str], *, ranked_by_key: bool = True
) -> list[str]:
    """What is wrong with a board, a line each; empty if nothing is.

    Every expected model once and no other, ranks exactly 1 to n in the order of the list, only
    finite numbers and, unless an author's ranker decided, an order that agrees with key and
    direction.
    """
    problems = []
    listed = [entry["model_id"] for entry in entries]
    for model_id in sorted({*listed, *expected_models}):
        count, wanted = listed.count(model_id), int(model_id in expected_models)
        if count != wanted:
            problems.append(f"{model_id} is listed {count} times, not {wanted}")
    ranks = [entry["rank"] for entry in entries if entry["rank"] is not None]
    if ranks != list(range(1, len(ranks) + 1)):
        problems.append(f"ranks are {ranks}, not 1 to {len(ranks)} in order")
    problems += [
        f"{entry['model_id']} has no rank and no reason for it"
        for entry in entries
        if entry["rank"] is None and not entry["unranked_reason"]
    ]
    problems += [
        f"{entry['model_id']}: {name} is {value}"
        for entry in entries
        for name, value in entry["score"]["metrics"].items()
        if value is not None and not math.isfinite(value)
    ]
    return problems + (_disorder(entries) if ranked_by_key else [])


def _disorder(entries: list[Entry]) -> list[str]:
    ranked = [entry for entry in entries if entry["rank"] is not None]
    problems = []
    for better, worse in pairwise(ranked):
        key = better["score"]["ranking"]
        high, low = key["value"], worse["score"]["ranking"]["value"]
        if None in (high, low) or (high > low if key["direction"] == "asc" else high < low):
            problems.append(
                f"{better['model_id']} ({high}) is ranked before {worse['model_id']} ({low}) "
                f"by {key['key']} {key['direction']}"
            )
    return problems


def entry_of(
    challenge: Challenge, member: Standing, metrics: dict[str, Any], payload: dict[str, Any]
) -> Entry:
    """The entry of one model, without a rank yet."""
    author = payload.get("author", {})
    ranking = challenge.ranking
    key = author.get("ranking", {}).get("key") or ranking.key
    counts = {
        name: {count: window[count] for count in COUNTS}
        for name, window in payload["windows"].items()
    }
    own = {"windows": counts, "member": payload["member"]}
    return {
        **author.get("extras", {}),
        "model_id": member.model_id,
        "model_name": member.name,
        "cruncher_name": member.owner,
        "cruncher_id": member.owner_id,
        "rank": None,
        "unranked_reason": None,
        "score": {
            "metrics": metrics,
            "ranking": {
                "key": key,
                "value": metrics.get(key),
                "direction": ranking.direction,
                "tie_breakers": list(ranking.tie_breakers),
                **author.get("ranking", {}),
            },
            "payload": {**author.get("payload", {}), **own},
        },
    }


def ranked_under(challenge: Challenge) -> dict[str, Any]:
    """What of the spec decides a board: what its ``meta_json`` says besides certainty."""
    return {
        "ranking": challenge.ranking.model_dump(mode="json"),
        "metrics": [metric.model_dump(mode="json") for metric in challenge.metrics],
        "trailing_windows_hours": dict(challenge.trailing_windows_hours),
        "score_direction": challenge.score_direction,
        "missing_data": challenge.missing_data.model_dump(mode="json"),
    }
