"""Entries of the log: what is committed to when a stage stores its rows.

Add here what an entry of each kind says; avoid the tree (``merkle``) and signatures (``note``).

The predictions of a round are one entry: it holds the root of a small tree with a leaf for each
model, in the order of their ids, and says how many there are. A leaf is salted, so that its hash
tells nothing of the answer; the salts of a round derive from one secret (HMAC, RFC 2104), so that
each can be told without the others. What is public is not salted: the entry of a truth, a board
or a checkpoint holds the hash of its content.
"""

import hmac
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.evidence import Commitment, Draft, Kind, Leaf
from coordinator_pipelines.domain.doors.ledger import Mode, RoundStatus
from coordinator_pipelines.domain.evidence.canonical import canonical_json, parsed
from coordinator_pipelines.domain.evidence.merkle import leaf_hash, root, tree_of
from coordinator_pipelines.domain.evidence.note import base64_text

SEED_BYTES = 32
ASKED = RoundStatus.ASKED.value
ROUND = ["mode", "prediction_config_id", "performed_at"]
CELL_COLUMNS = (
    *ROUND, "resolvable_at", "model_id", "version", "status", "output_json", "raw_output_json",
)  # fmt: skip
TRUTH_CONTENT = (
    "resolvable_at", "subject", "entry_price", "resolved_price", "outcome", "state", "reason",
    "payload_json", "entry_record_version", "resolved_record_version",
)  # fmt: skip
BOARD_CONTENT = ("final", "entries_json", "meta_json")
CHECKPOINT_CONTENT = ("period_start", "as_of", "entries_json", "meta_json")

Row = Mapping[Hashable, Any]


def salt(seed: bytes, model_id: str) -> bytes:
    """The salt of a model's leaf: 32 bytes."""
    return hmac.digest(seed, model_id.encode(), "sha256")


def cell(challenge: str | None, row: Row, salted_with: bytes) -> dict[str, Any]:
    """What a leaf says: of a prediction, what was answered and what was made of it.

    ``row``: PREDICTION_COLUMNS. ``raw_output`` is the answer as received, null where validation
    left it as it was (then ``output`` is the answer).
    """
    return {
        "challenge": challenge,
        "mode": str(row["mode"]),
        "prediction_config_id": row["prediction_config_id"],
        "performed_at": instant_text(row["performed_at"]),
        "model_id": row["model_id"],
        "version": int(row["version"]),
        "status": str(row["status"]),
        "output": parsed(row["output_json"]),
        "raw_output": parsed(row["raw_output_json"]),
        "salt": base64_text(salted_with),
    }


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
    answered: dict[tuple[Any, ...], list[Row]] = {}
    for row in _rows(predictions.reindex(columns=list(CELL_COLUMNS))):
        answered.setdefault(tuple(row[name] for name in ROUND), []).append(row)
    facts = rounds.reindex(columns=[*ROUND, "resolvable_at", "status"])
    about = {tuple(row[name] for name in ROUND): row for row in _rows(facts)}
    # A round that is stored already was asked, else there would be no more answers to it.
    more = {key: {**cells[0], "status": ASKED} for key, cells in answered.items()}
    return [
        _round_draft(challenge, row, answered.get(key, []), secret(SEED_BYTES))
        for key, row in (more | about).items()
    ]


def _round_draft(challenge: str | None, about: Row, answered: Sequence[Row], seed: bytes) -> Draft:
    ordered = sorted(answered, key=lambda row: str(row["model_id"]))
    hashes = [
        leaf_hash(canonical_json(cell(challenge, row, salt(seed, row["model_id"]))))
        for row in ordered
    ]
    leaves = tuple(
        Leaf(row["model_id"], int(row["version"]), base64_text(digest))
        for row, digest in zip(ordered, hashes, strict=True)
    )
    named = {name: about[name] for name in ROUND[:2]}
    text = _text(
        Kind.PREDICTIONS,
        challenge,
        **named,
        performed_at=instant_text(about["performed_at"]),
        resolvable_at=instant_text(about["resolvable_at"]),
        status=about["status"],
        predictions=len(leaves),
        root=base64_text(cells_root(hashes)),
    )
    return Draft(
        kind=Kind.PREDICTIONS,
        mode=Mode(about["mode"]),
        prediction_config_id=about["prediction_config_id"],
        at=instant_of(about["performed_at"]),
        version=max((int(row["version"]) for row in answered), default=1),
        text=text,
        commitment=Commitment(seed, leaves),
    )


def cells_root(leaves: Sequence[bytes]) -> bytes:
    """The root of a round's small tree."""
    return root(len(leaves), tree_of(leaves))


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


def instant_text(instant: Any) -> str:
    """An instant in UTC, with as many digits as it needs: ``2025-01-01T00:00:00Z``."""
    return instant_of(instant).isoformat().replace("+00:00", "Z")


def instant_of(instant: Any) -> datetime:
    """An instant of a frame, in UTC."""
    at: datetime = pd.Timestamp(instant).to_pydatetime().astimezone(UTC)
    return at


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


def _rows(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    return frame.to_dict("records")
