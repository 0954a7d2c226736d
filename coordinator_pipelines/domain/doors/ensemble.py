"""Ensembles as the ledger knows them: virtual models, told from participants by their ids.

Add here what must be kept of ensembles; avoid how they weigh and answer (``domain.ensemble``).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

import pandas as pd

_BEFORE, _AFTER = "__ensemble_", "__"

ENSEMBLE_WEIGHT_COLUMNS = (
    "mode", "as_of", "model_id", "version", "weights_json", "content_hash", "run_id",
)  # fmt: skip
"""``model_id``: the ensemble's. ``weights_json``: ``{"weights": {model: weight}, "basis"}``; null
as weights: all have the same. Key: (mode, as_of, model_id)."""

ENSEMBLE_ANSWER_COLUMNS = (
    "mode", "prediction_config_id", "performed_at", "resolvable_at", "model_id", "version",
    "weights_as_of", "truth_version", "scorer", "status", "value", "failed_reason", "output_json",
    "members_json", "content_hash", "run_id",
)  # fmt: skip
"""Answers to rounds whose truth is final. ``value``: the score, NaN if the scorer had none.
``status``: SUCCESS; or the truth's state, where an answer was withdrawn because its truth no longer
counts. ``members_json``: ``{model: [weight, score of the ensemble without it or null]}``, of those
with a weight. Key: (mode, prediction_config_id, performed_at, model_id)."""


def ensemble_id(name: str) -> str:
    """The model id of the ensemble of a name.

    >>> ensemble_id("mean")
    '__ensemble_mean__'
    """
    return f"{_BEFORE}{name}{_AFTER}"


def is_ensemble(model_id: str) -> bool:
    """Whether an id is one that only an ensemble has: no participant may take it.

    >>> is_ensemble("__ensemble_mean__"), is_ensemble("momentum")
    (True, False)
    """
    return model_id.startswith(_BEFORE)


class EnsembleReads(ABC):
    """What may be read of ensembles."""

    @abstractmethod
    def ensemble_weights(self, mode: str, as_of: Sequence[datetime]) -> pd.DataFrame:
        """Newest weights at these instants: ENSEMBLE_WEIGHT_COLUMNS."""

    @abstractmethod
    def ensemble_answers(self, mode: str, start: datetime, end: datetime) -> pd.DataFrame:
        """Newest answers with ``start <= performed_at < end``: ENSEMBLE_ANSWER_COLUMNS."""

    @abstractmethod
    def ensemble_answers_resolved(
        self, mode: str, after: datetime, until: datetime, *, members: bool = False
    ) -> pd.DataFrame:
        """Newest answers with ``after < resolvable_at <= until``: ENSEMBLE_ANSWER_COLUMNS.

        Without ``output_json``, and without ``members_json`` if not ``members``.
        """


class Ensembles(EnsembleReads, ABC):
    """The part of the ledger that holds ensembles."""

    @abstractmethod
    def add_ensembles(self, weights: pd.DataFrame, answers: pd.DataFrame) -> int:
        """Add versions of both in one transaction; how many answers were added."""
