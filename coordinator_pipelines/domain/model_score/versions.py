"""Versions of whatever is computed as of an instant: a recomputation adds only what is new.

Avoid truths and scores, whose versions follow rules of their own.
"""

import pandas as pd


def new_versions_as_of(rows: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Of what is told as of instants, that whose content is new, with the version it becomes.

    Args:
        rows: model scores, boards or weights of ensembles, without ``version``.
        stored: the newest stored versions of at least the same keys.
    """
    key = [name for name in ("mode", "as_of", "model_id") if name in rows]
    known = {
        tuple(identity): (version, digest)
        for *identity, version, digest in stored[[*key, "version", "content_hash"]].itertuples(
            index=False, name=None
        )
    }
    found = [known.get(identity, (0, None)) for identity in rows[key].itertuples(False, None)]
    rows = rows.copy()
    rows.insert(len(key), "version", [int(version) + 1 for version, _ in found])
    news = [digest != old for digest, (_, old) in zip(rows["content_hash"], found, strict=True)]
    return rows.loc[pd.Series(news, rows.index, dtype="bool")].reset_index(drop=True)
