"""The grid: every round that a challenge should have in a window, as its spec says.

Avoid what keeps a round of the grid from being held (``pause``, ``missed``) and rounds that an
operator opens (``opened_round``).
"""

import pandas as pd

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window


def grid(challenge: Challenge, window: Window) -> pd.DataFrame:
    """Every round of the window, in the order of asking.

    Columns: ``prediction_config_id, scope_key, performed_at, resolvable_at``.
    """
    parts = []
    for order, config in enumerate(challenge.configs):
        instants = config.cadence.rounds(window)
        instants = instants[instants >= pd.Timestamp(challenge.start)]
        if challenge.end is not None:
            instants = instants[instants < pd.Timestamp(challenge.end)]
        part = pd.DataFrame({"performed_at": instants}).assign(
            prediction_config_id=config.id,
            scope_key=config.scope_key,
            resolvable_at=instants + config.cadence.horizon,
            order=order,
        )
        parts.append(part)
    rounds = pd.concat(parts, ignore_index=True)
    rounds = rounds.sort_values(["performed_at", "order"], ignore_index=True)
    return rounds[["prediction_config_id", "scope_key", "performed_at", "resolvable_at"]]
