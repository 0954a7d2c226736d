"""Entries of the log: what is committed to when a stage stores its rows.

Add here what an entry of each kind says; avoid the tree (``merkle``) and signatures (``note``).

The predictions of a round are one entry: it holds the root of a small tree with a salted leaf for
each model (``leaves``), in the order of their ids, and says how many there are. What is public is
not salted: the entry of a ruling, a truth, a board or a checkpoint holds the hash of its content.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.evidence import Commitment, Draft, Kind, Leaf
from coordinator_pipelines.domain.doors.ledger import Mode, RoundStatus
from coordinator_pipelines.domain.evidence.canonical import (
    canonical_json,
    instant_of,
    instant_text,
    parsed,
)
from coordinator_pipelines.domain.evidence.leaves import CELL_COLUMNS, cells_root, leaf_hashes
from coordinator_pipelines.domain.evidence.note import base64_text

SEED_BYTES = 32
ASKED = RoundStatus.ASKED.value
ROUND = ["mode", "prediction_config_id", "performed_at"]
TRUTH_CONTENT = (
    "resolvable_at", "subject", "entry_price", "resolved_price", "outcome", "state", "reason",
    "payload_json", "entry_record_version", "resolved_record_version",
)  # fmt: skip
BOARD_CONTENT = ("final", "entries_json", "meta_json")
RULING_CONTENT = ("at", "kind", "actor", "reason")
CHECKPOINT_CONTENT = ("period_start", "as_of", "entries_json", "meta_json")

Row = Mapping[Hashable, Any]
Round = tuple[str, str, datetime]
Answered = tuple[str, int, bytes]
"""Model, version and the hash of its leaf: what a round's leaves are sorted by."""


def prediction_drafts(
    challenge: str | None,
    rounds: pd.DataFrame,
    predictions: pd.DataFrame,
    secret: Callable[[int], bytes],
) -> list[Draft]:
    """An entry for each round, of the predictions that are stored with it.

    Args:
        challenge: whose they are.
        rounds: ROUND_COLUMNS; only new ones.
        predictions: PREDICTION_COLUMNS; only new ones.
        secret: gives so many random bytes.
    """
    cells = _columns(predictions, (*CELL_COLUMNS, "resolvable_at"))
    keys = list(zip(*(cells[name] for name in ROUND), strict=True))
    seeds = {key: secret(SEED_BYTES) for key in dict.fromkeys(keys)}
    hashes = leaf_hashes(challenge, cells, [seeds[key] for key in keys])
    answered: dict[Round, list[Answered]] = {key: [] for key in seeds}
    named = zip(map(str, cells["model_id"]), map(int, cells["version"]), hashes, strict=True)
    for key, own in zip(keys, named, strict=True):
        answered[key].append(own)
    # A round that is stored already was asked, else there would be no more answers to it.
    about = {key: (at, ASKED) for key, at in zip(keys, cells["resolvable_at"], strict=True)}
    facts = _columns(rounds, (*ROUND, "resolvable_at", "status"))
    about |= {key[:3]: key[3:] for key in zip(*facts.values(), strict=True)}
    return [
        _round_draft(
            challenge, key, *said, seeds.get(key) or secret(SEED_BYTES), answered.get(key, [])
        )
        for key, said in about.items()
    ]


def _round_draft(
    challenge: str | None,
    key: Round,
    resolvable_at: datetime,
    status: str,
    seed: bytes,
    answered: list[Answered],
) -> Draft:
    mode, config, performed_at = key
    answered.sort()
    text = _text(
        Kind.PREDICTIONS,
        challenge,
        mode=str(mode),
        prediction_config_id=config,
        performed_at=instant_text(performed_at),
        resolvable_at=instant_text(resolvable_at),
        status=status,
        predictions=len(answered),
        root=base64_text(cells_root([digest for *_, digest in answered])),
    )
    return Draft(
        kind=Kind.PREDICTIONS,
        mode=Mode(mode),
        prediction_config_id=config,
        at=performed_at,
        version=max((version for _, version, _ in answered), default=1),
        text=text,
        commitment=Commitment(
            seed, tuple(Leaf(model, own, base64_text(digest)) for model, own, digest in answered)
        ),
    )


def truth_drafts(challenge: str | None, truths: pd.DataFrame) -> list[Draft]:
    """An entry for each truth version: GROUND_TRUTH_COLUMNS."""
    return [
        Draft(
            kind=Kind.TRUTH,
            mode=None,
            prediction_config_id=row["prediction_config_id"],
            at=instant_of(row["performed_at"]),
            version=int(row["version"]),
            text=_text(
                Kind.TRUTH,
                challenge,
                prediction_config_id=row["prediction_config_id"],
                performed_at=instant_text(row["performed_at"]),
                version=int(row["version"]),
                content=content_digest(document(row, TRUTH_CONTENT)),
            ),
        )
        for row in _rows(truths)
    ]


def board_drafts(challenge: str | None, boards: pd.DataFrame) -> list[Draft]:
    """An entry for each board version: LEADERBOARD_COLUMNS."""
    return [_published(Kind.BOARD, challenge, row, "as_of", BOARD_CONTENT) for row in _rows(boards)]


def checkpoint_drafts(challenge: str | None, checkpoints: pd.DataFrame) -> list[Draft]:
    """An entry for each checkpoint version: CHECKPOINT_COLUMNS."""
    return [
        _published(Kind.CHECKPOINT, challenge, row, "period_end", CHECKPOINT_CONTENT)
        for row in _rows(checkpoints)
    ]


def ruling_drafts(challenge: str | None, rulings: pd.DataFrame) -> list[Draft]:
    """An entry for each word of an operator on a round: ROUND_VOID_COLUMNS."""
    return [
        Draft(
            kind=Kind.RULING,
            mode=None,
            prediction_config_id=row["prediction_config_id"],
            at=instant_of(row["performed_at"]),
            version=int(row["sequence"]),
            text=_text(
                Kind.RULING,
                challenge,
                prediction_config_id=row["prediction_config_id"],
                performed_at=instant_text(row["performed_at"]),
                version=int(row["sequence"]),
                ruling=row["kind"],
                content=content_digest(document(row, RULING_CONTENT)),
            ),
        )
        for row in _rows(rulings)
    ]


def _published(
    kind: Kind, challenge: str | None, row: Row, instant: str, content: Iterable[str]
) -> Draft:
    text = _text(
        kind,
        challenge,
        **{"mode": str(row["mode"]), instant: instant_text(row[instant])},
        version=int(row["version"]),
        content=content_digest(document(row, content)),
    )
    at, version = instant_of(row[instant]), int(row["version"])
    return Draft(kind, Mode(row["mode"]), None, at, version, text)


def document(row: Row, names: Iterable[str]) -> dict[str, Any]:
    """Columns of a stored row as a document: JSON read, instants as text, what is missing null."""
    return {name.removesuffix("_json"): _plain(name, row[name]) for name in names}


def content_digest(content: Any) -> str:
    """SHA-256 of the canonical JSON, in base64."""
    return base64_text(sha256(canonical_json(content)).digest())


def _plain(name: str, value: Any) -> Any:
    if not isinstance(value, str) and pd.isna(value):
        return None
    if name.endswith("_json"):
        return parsed(value)
    if isinstance(value, datetime):
        return instant_text(value)
    return value.item() if hasattr(value, "item") else value


def _text(kind: Kind, challenge: str | None, **said: Any) -> str:
    return canonical_json({"kind": kind.value, "challenge": challenge, **said}).decode()


def _columns(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, list[Any]]:
    """Columns as lists, instants in UTC."""
    columns = {name: frame[name] for name in names} if len(frame) else {}
    return {
        name: pd.DatetimeIndex(pd.to_datetime(column, utc=True)).to_pydatetime().tolist()
        if name.endswith("_at")
        else column.tolist()
        for name, column in columns.items()
    } or {name: [] for name in names}


def _rows(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    return frame.to_dict("records")
