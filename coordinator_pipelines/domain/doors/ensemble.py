"""Ensembles as the ledger knows them: virtual models, told from participants by their ids.

Add here what must be kept of ensembles; avoid how they weigh and answer (``domain.ensemble``).
"""

_BEFORE, _AFTER = "__ensemble_", "__"


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
