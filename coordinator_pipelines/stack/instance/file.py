"""``dagster.yaml``, the configuration of the instance: which one, and whose it is.

Add here what decides between the templates; avoid what they say. A file that we wrote is kept up
to date; one that an operator changed is left alone.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from coordinator_pipelines import settings
from coordinator_pipelines.domain.values.errors import CoordinatorError

TEMPLATES = Path(__file__).with_name("templates")
MARK = "# Written by coordinator, and again when it changes; edit it, and it is left alone: "
UNMARKED = "07d8e7e7ab59b304b70e81061e8c8f3b787de25f7d47af10613d76fb570cfb5b"
"""The file as it was written before there was a mark."""


def refresh(directory: Path) -> str | None:
    """Write the instance's configuration, unless it is an operator's; then what to say of that.

    Raises:
        CoordinatorError: the URL of Dagster's database, or of the broker, cannot be used.
    """
    file, wanted = directory / "dagster.yaml", _wanted()
    if file.exists() and not _is_ours(found := file.read_text()):
        return _notice(file, found)
    new = file.with_suffix(".new")
    new.write_text(f"{MARK}{_fingerprint(wanted)}\n{wanted}")
    new.replace(file)
    return None


def _wanted() -> str:
    names = ["dagster.yaml", _runs()]
    if settings.dagster_database_url():
        names.append("dagster.postgresql.yaml")
    return "".join((TEMPLATES / name).read_text() for name in names)


def _runs() -> str:
    """The template that says where runs are at work."""
    if settings.celery_broker() is None:
        return "dagster.here.yaml"
    if find_spec("dagster_celery") is None:
        raise CoordinatorError(
            f"{settings.BROKER_VARIABLE} needs an extra: "
            "pip install 'coordinator-pipelines[celery]'"
        )
    return "dagster.workers.yaml"


def _is_ours(text: str) -> bool:
    first, _, rest = text.partition("\n")
    return first == f"{MARK}{_fingerprint(rest)}" or _fingerprint(text) == UNMARKED


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _notice(file: Path, text: str) -> str:
    said = f"{file} was edited and is used as it is; delete it to have it written anew."
    variable = settings.DAGSTER_URL_VARIABLE
    if settings.dagster_database_url() and variable not in text:
        said += f" {variable} is set, but that file does not use it: Dagster stores elsewhere!"
    return said
