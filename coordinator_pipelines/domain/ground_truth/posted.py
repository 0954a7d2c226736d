"""Ground truth of opened rounds: what the operator posted, and nothing else.

Add here what makes a posted table a truth; avoid what may be posted (``rounds.desk``) and truths
made of prices (``ground_truth``).
"""

import json
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.ledger import RESOLVED_COLUMNS, ROUND, TruthState
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.content import canonical


def resolve_posted(
    challenge: Challenge,
    rounds: pd.DataFrame,
    posted: pd.DataFrame,
    stored: pd.DataFrame,
    now: datetime,
) -> pd.DataFrame:
    """The truths of the rounds that can be told by now: RESOLVED_COLUMNS.

    ``posted``: newest versions (POSTED_TRUTH_COLUMNS). ``stored``: truths told before; one of
    the same posting is not told again. A round without a posting is UNRESOLVABLE once its
    deadline has passed. The payload is ``{"posting": version, "truth": {id: value}}``.
    """
    known = stored[[*ROUND, "resolved_record_version"]]
    truths = rounds.merge(posted.rename(columns={"version": "posting"}), on=ROUND, how="left")
    truths = truths.merge(known, on=ROUND, how="left")
    told = truths["posting"].notna() & (truths["posted_at"] <= now)
    old = told & (truths["posting"] == truths["resolved_record_version"])
    deadline = timedelta(seconds=challenge.truth.resolution_deadline_seconds)
    late = ~told & (truths["resolvable_at"] + deadline < now)
    truths = truths[(told & ~old) | late]
    return _rows(truths, told[truths.index], deadline)


def _rows(truths: pd.DataFrame, told: "pd.Series[bool]", deadline: timedelta) -> pd.DataFrame:
    by = (truths["resolvable_at"] + deadline).dt.strftime("%Y-%m-%d %H:%M:%S UTC")
    reason = ("no truth was posted by " + by).astype("object")
    payloads = zip(truths["posting"], truths["truth_json"], told, strict=True)
    rows = truths.assign(
        state=np.where(told, TruthState.FINAL.value, TruthState.UNRESOLVABLE.value),
        reason=reason.mask(told, None),
        payload_json=pd.Series(
            [_payload(*given) if there else None for *given, there in payloads],
            truths.index,
            "object",
        ),
        resolved_record_version=truths["posting"].where(told),
    )
    numbers = dict.fromkeys(["entry_price", "resolved_price", "outcome", "void_sequence"], np.nan)
    rows = rows.assign(subject=None, entry_record_version=np.nan, **numbers)
    return rows[RESOLVED_COLUMNS].reset_index(drop=True)


def _payload(posting: float, text: str) -> str:
    return canonical({"posting": int(posting), "truth": json.loads(text)})
