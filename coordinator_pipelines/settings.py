"""What the process environment decides: the only module that reads it.

Add a setting here when a deployment, not a challenge, must be able to change it; avoid reading
anything at import time.

=================================== ===========================================================
COORDINATOR_HOME                    directory of databases and logs; ``.coordinator`` by default
DAGSTER_HOME                        directory of the Dagster instance; ``dagster`` in the above
COORDINATOR_DATABASE_URL            database of every challenge of this process, for nodes that
                                    serve one challenge
COORDINATOR_DATABASE_URL_<SLUG>     database of one challenge (slug in capitals, ``_`` for ``-``)
=================================== ===========================================================
"""

import os
from pathlib import Path

HOME_VARIABLE = "COORDINATOR_HOME"
URL_VARIABLE = "COORDINATOR_DATABASE_URL"


def home() -> Path:
    """Directory for what the coordinator writes on this machine."""
    return Path(os.environ.get(HOME_VARIABLE, ".coordinator")).absolute()


def dagster_home() -> Path:
    """Directory of the Dagster instance."""
    return Path(os.environ.get("DAGSTER_HOME") or home() / "dagster").absolute()


def database_url(slug: str) -> str:
    """URL of the challenge's database: its own variable, the common one, or SQLite at home."""
    own = f"{URL_VARIABLE}_{slug.upper().replace('-', '_')}"
    given = os.environ.get(own) or os.environ.get(URL_VARIABLE)
    return given or f"sqlite:///{home() / 'databases' / f'{slug}.db'}"


def model_log_directory(slug: str) -> Path:
    """Directory of the models' own output, a file each."""
    return home() / "logs" / slug / "models"
