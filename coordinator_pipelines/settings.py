"""What the process environment decides: the only module that reads it.

Add a setting here when a deployment, not a challenge, must be able to change it; avoid reading
anything at import time.

=================================== ===========================================================
COORDINATOR_HOME                    directory of databases, logs and vendors' pauses;
                                    ``.coordinator`` by default
DAGSTER_HOME                        directory of the Dagster instance; ``dagster`` in the above
COORDINATOR_DAGSTER_DATABASE_URL    PostgreSQL database for Dagster's own runs, events and ticks,
                                    ``postgresql+psycopg2://...``; SQLite files in DAGSTER_HOME
                                    if it is not set
COORDINATOR_CELERY_BROKER           ``redis://...``: runs are handed to ``coordinator worker`` here
                                    and elsewhere; not set: they are at work here
COORDINATOR_DATABASE_URL            database of every challenge of this process, for nodes that
                                    serve one challenge
COORDINATOR_MODEL_RUNNER            environment with the published model runner; one is made in
                                    ``runner`` of the home directory if it is not given
COORDINATOR_TRUST_MODELS            ``1``: replays run models that nobody has reviewed also where no
                                    sandbox works, with the rights of this user
COORDINATOR_DATABASE_URL_<SLUG>     database of one challenge (slug in capitals, ``_`` for ``-``)
MODEL_RUNNER_NODE_HOST              machine that announces live models; 127.0.0.1 by default
MODEL_RUNNER_NODE_PORT              its port; 9091 by default
MODEL_RUNNER_NODE_HOST_<SLUG>       the same for one challenge of several: each has models of its
MODEL_RUNNER_NODE_PORT_<SLUG>       own
COORDINATOR_EVIDENCE_KEY            file with the key that signs the log of evidence
                                    (``coordinator evidence keygen``); not signed if it is not set
COORDINATOR_EVIDENCE_KEY_<SLUG>     the same for one challenge of several
COORDINATOR_ALERTS                  whom alerts are sent to: URLs of ``apprise``, parted by spaces;
COORDINATOR_ALERTS_<SLUG>           the same for one challenge of several; never logged or shown
COORDINATOR_BACKUPS                 directory that backups are put in: an old newest one alarms
COORDINATOR_BACKUPS_<SLUG>          the same for one challenge of several
COORDINATOR_BACKUP_LIMIT_HOURS      how old the newest backup may be; 26
COORDINATOR_REPORT_URL              where people reach the Report API: boards in the Dagster UI link
                                    to it
MODEL_RUNNER_SECURE_DIR             directory with ca.crt, tls.crt and tls.key, for models that are
                                    called over mutual TLS; not set: they are called in plain text
BINANCE_API_URL                     another host for the feed ``binance``, such as a mirror
PYTH_HERMES_URL                     another host for the feed ``pyth``
PYTH_API_KEY                        key for that host; never logged or shown
FEED_PATIENCE_SECONDS               the longest that one request to a vendor may take, with its
                                    repetitions and the pauses between them; 20
=================================== ===========================================================
"""

import os
import re
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from coordinator_pipelines.domain.feed_record.access import (
    BINANCE_URL_VARIABLE,
    DEFAULT_PATIENCE_SECONDS,
    PATIENCE_VARIABLE,
    PYTH_KEY_VARIABLE,
    PYTH_URL_VARIABLE,
    FeedAccess,
)
from coordinator_pipelines.domain.values.errors import CoordinatorError, FeedConfigurationError

HOME_VARIABLE = "COORDINATOR_HOME"
URL_VARIABLE = "COORDINATOR_DATABASE_URL"
STACK_VARIABLE = "COORDINATOR_STACK"
"""In the environment of all that a stack starts; whatever it says, it is that stack's own mark."""
DAGSTER_URL_VARIABLE = "COORDINATOR_DAGSTER_DATABASE_URL"
DAGSTER_URL_SCHEME = "postgresql+psycopg2://"
"""Dagster's statements need that driver; without its name, SQLAlchemy would take another one."""
BROKER_VARIABLE = "COORDINATOR_CELERY_BROKER"
BROKER_SCHEMES = ("redis://", "rediss://")
EVIDENCE_KEY_VARIABLE = "COORDINATOR_EVIDENCE_KEY"
ALERTS_VARIABLE = "COORDINATOR_ALERTS"
BACKUPS_VARIABLE = "COORDINATOR_BACKUPS"
BACKUP_LIMIT_VARIABLE = "COORDINATOR_BACKUP_LIMIT_HOURS"
DEFAULT_BACKUP_LIMIT_HOURS = 26.0
"""A backup a day, and two hours to make it."""
REPORT_URL_VARIABLE = "COORDINATOR_REPORT_URL"
TRUST_VARIABLE = "COORDINATOR_TRUST_MODELS"
NODE_HOST_VARIABLE = "MODEL_RUNNER_NODE_HOST"
NODE_PORT_VARIABLE = "MODEL_RUNNER_NODE_PORT"
SECURE_DIR_VARIABLE = "MODEL_RUNNER_SECURE_DIR"
SECURE_FILES = ("ca.crt", "tls.crt", "tls.key")


@dataclass(frozen=True, slots=True)
class ModelNode:
    """Where live models are announced, and what they are called with if they want mutual TLS."""

    host: str
    port: int
    secure_dir: Path | None


def home() -> Path:
    """Directory for what the coordinator writes on this machine."""
    return Path(os.environ.get(HOME_VARIABLE, ".coordinator")).absolute()


def trusts_models() -> bool:
    """Whether models that nobody has reviewed may run without a sandbox.

    Raises:
        CoordinatorError: it is neither said nor denied.
    """
    given = os.environ.get(TRUST_VARIABLE, "")
    if given not in ("", "0", "1"):
        raise CoordinatorError(f"{TRUST_VARIABLE} is {given!r}; set it to 1, or not at all")
    return given == "1"


def stack_lock_in(directory: Path) -> Path:
    """The file that a stack keeps locked while it runs from a home directory."""
    return directory / "stack.lock"


def stack_lock() -> Path | None:
    """The lock of the stack that started this process; None if none did."""
    return stack_lock_in(home()) if os.environ.get(STACK_VARIABLE) else None


def dagster_home() -> Path:
    """Directory of the Dagster instance."""
    return Path(os.environ.get("DAGSTER_HOME") or home() / "dagster").absolute()


def dagster_database_url() -> str | None:
    """URL of Dagster's own database; None if it stores in files.

    Raises:
        CoordinatorError: the URL is none that Dagster can use.
    """
    url = os.environ.get(DAGSTER_URL_VARIABLE) or None
    if url and not url.startswith(DAGSTER_URL_SCHEME):
        scheme, given, _ = url.partition("://")
        raise CoordinatorError(
            f"{DAGSTER_URL_VARIABLE} has {repr(scheme) if given else 'no'} scheme; begin it with "
            f"{DAGSTER_URL_SCHEME} (Dagster needs that driver), or unset it to store in files"
        )
    return url and _unambiguous(DAGSTER_URL_VARIABLE, url)


def celery_broker() -> str | None:
    """URL of the Redis server that hands runs to workers; None if runs are at work here.

    Raises:
        CoordinatorError: it is none, or Dagster stores in files, which other machines cannot see.
    """
    url = os.environ.get(BROKER_VARIABLE) or None
    if url and not url.startswith(BROKER_SCHEMES):
        raise CoordinatorError(
            f"{BROKER_VARIABLE} is no URL of a Redis server; write redis://host:6379/0 (rediss:// "
            "with TLS), or unset it to run everything here"
        )
    if url and dagster_database_url() is None:
        raise CoordinatorError(
            f"{BROKER_VARIABLE} is set, but {DAGSTER_URL_VARIABLE} is not: workers must reach "
            "Dagster's storage, and files of this machine they cannot; name a PostgreSQL database"
        )
    return url


def databases() -> Path:
    """The directory of the databases that no variable names."""
    return home() / "databases"


def database_url(slug: str) -> str:
    """URL of the challenge's database: its own variable, the common one, or SQLite at home.

    Raises:
        CoordinatorError: where its password ends cannot be told.
    """
    variable, given = _of_challenge(URL_VARIABLE, slug)
    if given is None:
        return f"sqlite:///{databases() / f'{slug}.db'}"
    return _unambiguous(variable, given)


def _unambiguous(variable: str, url: str) -> str:
    """The URL, unless a part of its password would count as its host, which everybody is shown."""
    if url.count("@") > 1 and not url.startswith("sqlite"):
        raise CoordinatorError(
            f"{variable} has more than one '@'; write those within user, password and options as "
            "%40 (as ':' is written %3A and '/' %2F)"
        )
    return url


def evidence_key(slug: str) -> tuple[str, Path] | None:
    """The file with the key that signs the challenge's log, and the variable that names it."""
    variable, given = _of_challenge(EVIDENCE_KEY_VARIABLE, slug)
    return None if given is None else (variable, Path(given).absolute())


def alert_urls(slug: str) -> tuple[str, list[SecretStr]]:
    """Whom the challenge's alerts are sent to, and the variable that says so."""
    variable, given = _of_challenge(ALERTS_VARIABLE, slug)
    return variable, [SecretStr(url) for url in (given or "").split()]


def backups(slug: str) -> tuple[Path, timedelta] | None:
    """The directory of the challenge's backups, and how old the newest may be; None if not said.

    Raises:
        CoordinatorError: the limit is no number of hours.
    """
    _, given = _of_challenge(BACKUPS_VARIABLE, slug)
    if given is None:
        return None
    written = os.environ.get(BACKUP_LIMIT_VARIABLE) or str(DEFAULT_BACKUP_LIMIT_HOURS)
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?", written):
        raise CoordinatorError(
            f"{BACKUP_LIMIT_VARIABLE} is {written!r}; write hours such as 26, or unset it"
        )
    return Path(given).absolute(), timedelta(hours=float(written))


def report_url() -> str | None:
    """Where people reach the Report API, if that is known."""
    return (os.environ.get(REPORT_URL_VARIABLE) or "").rstrip("/") or None


def model_runner() -> str | None:
    """The environment of the published model runner, if one is named."""
    return os.environ.get("COORDINATOR_MODEL_RUNNER") or None


def model_log_directory(slug: str) -> Path:
    """Directory of the models' own output, a file each."""
    return home() / "logs" / slug / "models"


def model_node(slug: str) -> ModelNode:
    """Where a challenge's live models are announced; a variable that is empty counts as not set.

    Raises:
        CoordinatorError: the port is none, or a file of the secure directory is missing.
    """
    _, host = _of_challenge(NODE_HOST_VARIABLE, slug)
    variable, port = _of_challenge(NODE_PORT_VARIABLE, slug)
    port = port or "9091"
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise CoordinatorError(f"{variable} is {port!r}; give a port from 1 to 65535")
    secure = os.environ.get(SECURE_DIR_VARIABLE)
    directory = Path(secure).absolute() if secure else None
    missing = [name for name in SECURE_FILES if directory and not (directory / name).is_file()]
    if missing:
        raise CoordinatorError(
            f"{SECURE_DIR_VARIABLE} is {secure!r}, where {', '.join(missing)} cannot be found; "
            f"name a directory with {', '.join(SECURE_FILES)}"
        )
    return ModelNode(host or "127.0.0.1", int(port), directory)


def node_port_variables(slug: str) -> tuple[str, str]:
    """The variables that say on which port a challenge's models are announced, common and own."""
    return NODE_PORT_VARIABLE, _own(NODE_PORT_VARIABLE, slug)


def _own(variable: str, slug: str) -> str:
    return f"{variable}_{slug.upper().replace('-', '_')}"


def _of_challenge(variable: str, slug: str) -> tuple[str, str | None]:
    """The challenge's own variable, or else the common one: its name, and what it says."""
    own = _own(variable, slug)
    name = own if os.environ.get(own) else variable
    return name, os.environ.get(name) or None


def feed_access() -> FeedAccess:
    """How vendors of market data are reached; a variable that is empty counts as not set.

    Raises:
        FeedConfigurationError: the patience is no number of seconds.
    """
    given = {
        "binance_url": os.environ.get(BINANCE_URL_VARIABLE),
        "pyth_url": os.environ.get(PYTH_URL_VARIABLE),
    }
    key = os.environ.get(PYTH_KEY_VARIABLE, "").strip()
    hosts = {name: url for name, url in given.items() if url}
    return FeedAccess(
        **hosts,
        pyth_api_key=SecretStr(key) if key else None,
        patience_seconds=_patience(),
        hold_directory=home() / "vendors",
    )


def _patience() -> float:
    written = os.environ.get(PATIENCE_VARIABLE, "").strip()
    if not written:
        return DEFAULT_PATIENCE_SECONDS
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]+)?", written) or float(written) < 2:
        raise FeedConfigurationError(
            f"{PATIENCE_VARIABLE} is {written!r}; write seconds from 2 to 9999, or unset it"
        )
    return float(written)


def share_imports(directory: Path) -> None:
    """Let this process, and all that it starts, import what is in a directory.

    What is installed comes first in this process, and after it in those that it starts.
    """
    if str(directory) not in sys.path:
        sys.path.append(str(directory))
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(directory) not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [*known, str(directory)]))


def child_environment() -> dict[str, str]:
    """This whole environment, for a trusted program that we start."""
    return dict(os.environ)
