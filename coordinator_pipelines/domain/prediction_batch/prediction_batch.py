"""The prediction batch of a window: its expected cells, and the rows they become.

Add here what every way of filling a batch shares; avoid what models are asked (``question``),
what came back (``answer``), and how a past window is asked again (``replay``).
"""

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.ledger import CELL, PREDICTION_COLUMNS, Mode
from coordinator_pipelines.domain.prediction_batch.answer_hash import answer_hashes
from coordinator_pipelines.domain.spec.challenge import Challenge


def expected_cells(rounds: pd.DataFrame, memberships: pd.DataFrame) -> pd.DataFrame:
    """Rounds x the models that are members at that instant: the columns of CELL."""
    performed_at, joined_at, left_at = (
        column.to_numpy("datetime64[us]")
        for column in (rounds["performed_at"], memberships["joined_at"], memberships["left_at"])
    )
    at = performed_at[:, None]
    asked, stay = np.nonzero((joined_at <= at) & ~(left_at <= at))
    cells = rounds[CELL[:2]].take(asked)
    cells["model_id"] = memberships["model_id"].to_numpy()[stay]
    return cells.drop_duplicates(ignore_index=True)


def prediction_frame(
    challenge: Challenge, mode: Mode, cells: pd.DataFrame, answers: pd.DataFrame
) -> pd.DataFrame:
    """The answers that belong to the cells, as the ledger stores them; ``run_id`` is left out.

    ``cells``: CELL with ``version`` and ``code_hash``. ``answers``: of ``answer.prediction_rows``.
    """
    rows = cells.merge(answers, on=CELL, how="inner")
    config = rows["prediction_config_id"]
    rows["scope_key"] = config.map({each.id: each.scope_key for each in challenge.configs})
    horizons = config.map({each.id: each.cadence.horizon for each in challenge.configs})
    rows["resolvable_at"] = rows["performed_at"] + horizons.to_numpy("timedelta64[us]")
    rows["mode"] = mode.value
    rows["id"] = prediction_ids(challenge, rows)
    rows["answer_hash"] = answer_hashes(rows)
    return rows[[name for name in PREDICTION_COLUMNS if name != "run_id"]]


def prediction_ids(challenge: Challenge, predictions: pd.DataFrame) -> list[str]:
    """Ids that say their key: challenge:mode:config:performed_at:model:version."""
    instants = predictions["performed_at"].to_numpy("datetime64[s]").tolist()
    texts = {instant: f"{instant:%Y%m%dT%H%M%SZ}" for instant in set(instants)}
    keys = zip(
        predictions["mode"],
        predictions["prediction_config_id"],
        map(texts.__getitem__, instants),
        predictions["model_id"],
        predictions["version"],
        strict=True,
    )
    return [":".join([challenge.name, *map(str, key)]) for key in keys]
