"""Ground truth of rounds: what the outcome was, from finalised records only.

Add here what decides an outcome; avoid predictions (truth knows no model) and clocks (``now``
only decides whether the deadline has passed).

A truth reads the price at ``performed_at`` and at ``resolvable_at``: each is the close of the
bar that ends there, and counts only once there is a later bar of the same subject, which
proves that it had closed.
"""

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.author.entity import Entity
from coordinator_pipelines.domain.author.rules import FeedContext, Rules
from coordinator_pipelines.domain.doors.ledger import RESOLVED_COLUMNS, ROUND, TruthState
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.content import canonical, content_hash

RESOLVER = "GROUND_TRUTH_RESOLVER"
TIE = {"void": np.nan, "down": 0.0, "up": 1.0, "half": 0.5}
CONTENT = ["state", "entry_price", "resolved_price", "outcome", "reason", "payload"]


def untold(rules: Rules, rounds: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The rounds whose outcome may be new: all of them, since records may have changed.

    But a resolver that does its own I/O is asked until it tells, and never again: what it would
    say later is no fact about the round's instant. ``stored``: newest truths of the span.
    """
    if RESOLVER not in rules.not_replayable:
        return rounds
    told = stored.loc[stored["state"] == TruthState.FINAL.value, ROUND]
    both = rounds.merge(told, on=ROUND, how="left", indicator="told")
    return both.loc[both["told"] == "left_only", list(rounds.columns)].reset_index(drop=True)


def resolve(
    challenge: Challenge,
    rules: Rules,
    rounds: pd.DataFrame,
    records: pd.DataFrame,
    newest: "pd.Series[pd.Timestamp]",
    now: datetime,
) -> pd.DataFrame:
    """The truths of the rounds that can be told by now: RESOLVED_COLUMNS.

    ``rounds``: of ``prediction_batch.grid``, those of :func:`untold`; with ``input_json`` where a
    resolver shall see it. ``records``: newest versions, up to and including the last
    ``resolvable_at``. ``newest``: subject -> end of the newest record there is, the
    witness. A round whose records are not final yet has no row until its deadline
    has passed; from then on it is UNRESOLVABLE, with the reason.
    """
    truths = _with_prices(challenge, rounds, records, newest)
    reasons = [truths["entry_reason"].tolist(), truths["resolved_reason"].tolist()]
    if rules.resolve is not None:
        reasons.append(_unproven_elsewhere(challenge, truths, newest))
    truths["reason"] = [
        "; ".join(part for part in parts if part) or None for parts in zip(*reasons, strict=True)
    ]
    final = truths["reason"].isna()
    if rules.resolve is None:
        truths = _with_direction(truths, final, challenge.truth.tie_rule or "void")
    else:
        truths = _with_authors_truth(truths, final, challenge, rules, records)
    deadline = timedelta(seconds=challenge.truth.resolution_deadline_seconds)
    told = truths["state"].notna() | (truths["resolvable_at"] + deadline < pd.Timestamp(now))
    truths["state"] = truths["state"].fillna(TruthState.UNRESOLVABLE.value)
    truths["void_sequence"] = np.nan
    return truths.loc[told, RESOLVED_COLUMNS].reset_index(drop=True)


def new_versions(truths: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The truths that differ from the stored newest version, with the version they become.

    One that was told is never taken back for want of records: they may have been pruned since.
    """
    known = _with_digest(stored)[[*ROUND, "version", *CONTENT]]
    both = _with_digest(truths).merge(known, on=ROUND, how="left", suffixes=("", "_stored"))
    same = both["version"].notna()
    for name in CONTENT:
        old, new = both[f"{name}_stored"], both[name]
        same &= (old == new) | (old.isna() & new.isna())
    was_told = both["state_stored"].isin([TruthState.FINAL.value, TruthState.VOID.value])
    same |= was_told & (both["state"] == TruthState.UNRESOLVABLE.value)
    version = both["version"].fillna(0).astype("int64") + 1
    return truths.assign(version=version.to_numpy())[~same.to_numpy()]


def _with_digest(truths: pd.DataFrame) -> pd.DataFrame:
    """The truths with ``payload``: a digest of it, the same whichever database returned it."""
    texts = truths["payload_json"]
    return truths.assign(payload=[text and content_hash(json.loads(text)) for text in texts])


def provisional(
    challenge: Challenge,
    rounds: pd.DataFrame,
    records: pd.DataFrame,
    newest: "pd.Series[pd.Timestamp]",
) -> pd.DataFrame:
    """The rounds whose prices are known, though no later record proves both of them yet.

    Arguments as for :func:`resolve`. Nothing of this is stored: such a truth may still change.
    """
    priced = _with_prices(challenge, rounds, records, newest)
    known = priced["entry_price"].notna() & priced["resolved_price"].notna()
    proven = (priced["entry_reason"] == "") & (priced["resolved_reason"] == "")
    return priced.loc[known & ~proven, list(rounds.columns)].reset_index(drop=True)


def _with_prices(
    challenge: Challenge,
    rounds: pd.DataFrame,
    records: pd.DataFrame,
    newest: "pd.Series[pd.Timestamp]",
) -> pd.DataFrame:
    """The rounds with ``subject`` and the columns of :func:`_with_price` for both ends."""
    symbols = {config.id: challenge.feed.subjects[config.asset] for config in challenge.configs}
    priced = rounds.assign(subject=rounds["prediction_config_id"].map(symbols))
    for name, instant in (("entry", "performed_at"), ("resolved", "resolvable_at")):
        priced = _with_price(priced, records, newest, name, instant)
    return priced


def _with_price(
    truths: pd.DataFrame,
    records: pd.DataFrame,
    newest: "pd.Series[pd.Timestamp]",
    name: str,
    instant: str,
) -> pd.DataFrame:
    """Columns ``<name>_price, <name>_record_version, <name>_reason`` for one of the two ends."""
    prices = records[["subject", "ended_at", "close", "version"]].rename(
        columns={"ended_at": instant, "close": f"{name}_price", "version": f"{name}_record_version"}
    )
    truths = truths.merge(prices, on=["subject", instant], how="left")
    unknown = truths[f"{name}_price"].isna()
    unproven = ~(truths["subject"].map(newest) > truths[instant])
    at = truths[instant].dt.strftime("%Y-%m-%d %H:%M:%S UTC")
    unproven_reason = "no later record proves the one of " + at + " final"
    reasons = np.select([unknown, unproven], ["no record of " + at, unproven_reason], "")
    truths[f"{name}_reason"] = reasons
    return truths


def _unproven_elsewhere(
    challenge: Challenge, truths: pd.DataFrame, newest: "pd.Series[pd.Timestamp]"
) -> list[str]:
    """Why an author's resolver, which may read every subject, cannot be asked yet; else empty."""
    texts = []
    for own, at in zip(truths["subject"], truths["resolvable_at"], strict=True):
        others = (symbol for symbol in challenge.feed.symbols if symbol != own)
        unproven = [symbol for symbol in others if not newest.get(symbol, pd.NaT) > at]
        text = f"no record of {', '.join(unproven)} after {at:%Y-%m-%d %H:%M:%S} UTC"
        texts.append(text if unproven else "")
    return texts


def _with_direction(truths: pd.DataFrame, final: "pd.Series[bool]", tie_rule: str) -> pd.DataFrame:
    """Up (1), down (0), or what the tie rule says, where both prices are final."""
    move = truths["resolved_price"] - truths["entry_price"]
    outcome = np.select([move > 0, move < 0], [1.0, 0.0], TIE[tie_rule])
    void = final & (move == 0) & (tie_rule == "void")
    truths["outcome"] = np.where(final, outcome, np.nan)
    truths["payload_json"] = None
    truths["state"] = pd.Series(None, truths.index, "object")
    truths.loc[final, "state"] = TruthState.FINAL.value
    truths.loc[void, "state"] = TruthState.VOID.value
    truths.loc[void, "reason"] = "the price is unchanged, and the tie rule is void"
    return truths


def _with_authors_truth(
    truths: pd.DataFrame,
    final: "pd.Series[bool]",
    challenge: Challenge,
    rules: Rules,
    records: pd.DataFrame,
) -> pd.DataFrame:
    """The author's resolver, called once per round, each call on its own."""
    told = {
        index: _authors_truth(truths.loc[index], challenge, rules, records)
        for index in truths.index[final]
    }
    not_asked = (None, None)
    payloads: list[Any] = [told.get(index, not_asked)[0] for index in truths.index]
    states: list[Any] = [TruthState.FINAL.value if payload else None for payload in payloads]
    truths.loc[final, "reason"] = pd.Series([reason for _, reason in told.values()], told, "object")
    return truths.assign(payload_json=payloads, state=states, outcome=np.nan)


def _authors_truth(
    row: "pd.Series[Any]", challenge: Challenge, rules: Rules, records: pd.DataFrame
) -> tuple[str | None, str | None]:
    assert rules.resolve is not None
    config = next(c for c in challenge.configs if c.id == row["prediction_config_id"])
    prediction = Entity(
        prediction_config_id=config.id,
        scope_key=config.scope_key,
        scope=config.scope,
        performed_at=row["performed_at"].to_pydatetime(),
        resolvable_at=row["resolvable_at"].to_pydatetime(),
        entry_price=row["entry_price"],
        resolved_price=row["resolved_price"],
    )
    if "input_json" in row:
        given = row["input_json"]
        prediction["inference_input"] = json.loads(given) if isinstance(given, str) else {}
    within = records["ended_at"].between(row["performed_at"], row["resolvable_at"])
    frames = {
        asset: records[within & (records["subject"] == symbol)]
        for asset, symbol in challenge.feed.subjects.items()
    }
    context = FeedContext(prediction.resolvable_at, prediction.performed_at, frames)
    try:
        payload = rules.resolve(prediction, context)
        if payload is None:
            return None, f"{RESOLVER} has no truth for this round"
        return canonical(payload), None
    except Exception as error:  # noqa: BLE001 (an author's resolver may raise anything)
        return None, f"{RESOLVER} raised {type(error).__name__}: {error}"[:500]


def missing_of(truths: pd.DataFrame, rounds: pd.DataFrame) -> list[str]:
    """What a window's rounds lack: one reason per round that has no usable truth."""
    told = rounds.merge(truths[[*ROUND, "state", "reason"]], on=ROUND, how="left")
    pending = told["state"].isna()
    reasons = told["reason"].mask(pending, "not resolved yet")
    lacking = pending | (told["state"] == TruthState.UNRESOLVABLE.value)
    at = told["performed_at"].dt.strftime("%Y-%m-%d %H:%M:%S UTC: ")
    return [str(text) for text in (at + reasons)[lacking]]
