"""The class that a challenge's models inherit from: the one name by which they import it.

Add here how that name follows from a spec and a models file; avoid importing anything. The host,
replays and ``doctor`` all ask here, so that they mean one class.
"""

from collections.abc import Sequence


def shared_base_module(path: str, shared_modules: Sequence[str]) -> str | None:
    """The shared module that a spec's base class is in; None if it is in none of them.

    The spec may leave out leading packages: ``tracker.TrackerBase`` is in ``my.challenge.tracker``.
    """
    module = path.rpartition(".")[0]
    if module in shared_modules:
        return module
    return next((each for each in shared_modules if each.endswith(f".{module}")), None)


def base_class(path: str, shared_modules: Sequence[str]) -> str:
    """The base class of a spec as models import it: from a shared module, or as it is written."""
    module, _, name = path.rpartition(".")
    return f"{shared_base_module(path, shared_modules) or module}.{name}"
