"""The local Dagster instance: where it lives, and how its own programs are called.

Add here what every command needs of Dagster; avoid what a command wants of it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coordinator_pipelines import settings
from coordinator_pipelines.domain.errors import CoordinatorError


@dataclass(frozen=True, slots=True)
class LocalInstance:
    """A Dagster instance in a directory, and the workspace files that it serves."""

    directory: Path
    workspaces: tuple[Path, ...]

    @classmethod
    def prepare(cls, workspaces: Sequence[Path]) -> "LocalInstance":
        """The instance that the environment names, set up on first use."""
        directory = settings.dagster_home()
        directory.mkdir(parents=True, exist_ok=True)
        if not (directory / "dagster.yaml").exists():
            template = Path(__file__).with_name("templates") / "dagster.yaml"
            shutil.copyfile(template, directory / "dagster.yaml")
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


def _last_json(text: str) -> dict[str, Any]:
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            answer: dict[str, Any] = json.loads(line)
            return answer
    return {}
