"""The local Dagster instance: where it lives, and how its own programs are called.

Add here what every command needs of Dagster; avoid what a command wants of it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_postgres.utils import DagsterPostgresException

from coordinator_pipelines import private, settings
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.instance import file as instance_file


@dataclass(frozen=True, slots=True)
class LocalInstance:
    """A Dagster instance in a directory, and the workspace files that it serves."""

    directory: Path
    workspaces: tuple[Path, ...]

    @classmethod
    def prepare(cls, workspaces: Sequence[Path], tell: Callable[[str], None]) -> "LocalInstance":
        """The instance that the environment names: configured, and with the schema it needs.

        ``tell``: gets what the user should know of its configuration.

        Raises:
            CoordinatorError: its configuration is wrong, or its database does not answer.
        """
        directory = settings.dagster_home()
        private.directory(directory)
        if notice := instance_file.refresh(directory):
            tell(notice)
        with open_instance(directory) as instance:
            _upgrade(instance)
        return cls(directory, tuple(path.absolute() for path in workspaces))

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Dagster's own processes."""
        home = {settings.HOME_VARIABLE: str(settings.home()), "DAGSTER_HOME": str(self.directory)}
        return {**os.environ, **home, "PYTHONWARNINGS": "ignore"}

    def command(self, name: str, *arguments: str) -> list[str]:
        """A Dagster command of this Python environment, with the workspace."""
        workspace = [option for path in self.workspaces for option in ("-w", str(path))]
        return [str(Path(sys.executable).with_name(name)), *arguments, *workspace]

    def ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """What Dagster's GraphQL API answers, as its UI would ask it.

        Raises:
            CoordinatorError: it does not answer, or a code location cannot be loaded.
        """
        arguments = ["-t", document, "-v", json.dumps(variables)]
        done = subprocess.run(
            self.command("dagster-graphql", *arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        answer = _last_json(done.stdout)
        if answer.get("data") is None:
            raise CoordinatorError(f"Dagster: {answer.get('errors') or done.stderr[-2000:]}")
        data: dict[str, Any] = answer["data"]
        return data


@contextmanager
def open_instance(directory: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's own view of an instance; its tables are created on first use.

    Raises:
        CoordinatorError: its configuration is wrong, or its database does not answer.
    """
    try:
        instance = dg.DagsterInstance.from_config(str(directory))
    except dg.DagsterInvalidConfigError as error:
        raise CoordinatorError(f"{directory / 'dagster.yaml'} is wrong: {error}") from error
    except DagsterPostgresException as error:
        raise CoordinatorError(
            f"Dagster's database does not answer; see {settings.DAGSTER_URL_VARIABLE}: "
            f"{str(error.__cause__).partition('(Background')[0].strip()}"
        ) from error
    with instance:
        yield instance


def _upgrade(instance: dg.DagsterInstance) -> None:
    """Bring tables that an older Dagster made to what this one needs; data stays."""
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    versions = [storage.alembic_version() for storage in storages if storage]
    if any(version and version[0] != version[1] for version in versions):
        instance.upgrade()


def _last_json(text: str) -> dict[str, Any]:
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            answer: dict[str, Any] = json.loads(line)
            return answer
    return {}
