"""A challenge as a Dagster component: ``type: coordinator_pipelines.Challenge`` in a defs.yaml.

Add here what ``dg`` wants to know of a component; avoid what a challenge is made of
(``definitions``) and what its spec may say (``domain.spec.challenge``).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
import dagster as dg
from dagster.components import Scaffolder, ScaffoldRequest
from dagster.components.scaffold.scaffold import NoParams
from pydantic import BaseModel, RootModel

from coordinator_pipelines.definitions import build_definitions
from coordinator_pipelines.domain.spec.challenge import Challenge as Spec
from coordinator_pipelines.domain.spec.schema import spec_schema
from coordinator_pipelines.domain.values.errors import CoordinatorError, ScaffoldError
from coordinator_pipelines.scaffold.component_files import FILE, component_files
from coordinator_pipelines.spec_file import challenge_of


class Attributes(RootModel[dict[str, Any]]):
    """A spec as it is written. It is checked when it is loaded, in our own words."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What ``dg check yaml`` holds the attributes to."""
        del args, kwargs
        return spec_schema()


class ChallengeScaffolder(Scaffolder[NoParams]):
    """Writes a challenge that works as it is, named after the directory it is in."""

    def scaffold(self, request: ScaffoldRequest[NoParams]) -> None:
        """Write ``defs.yaml`` and ``models.yaml``.

        Raises:
            click.ClickException: the directory's name is none that a challenge can have, or
                another format is wanted.
        """
        try:
            files = self._files(request)
        except CoordinatorError as error:
            with suppress(OSError):
                request.target_path.rmdir()  # dg has just made it
            raise click.ClickException(str(error)) from None
        for path, text in files.items():
            (request.target_path / path).write_text(text, encoding="utf-8")

    def _files(self, request: ScaffoldRequest[NoParams]) -> dict[str, str]:
        if request.scaffold_format != "yaml":
            raise ScaffoldError("A challenge is described in YAML: leave out --format python.")
        name = request.target_path.name.lower().replace("_", "-")
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return component_files(request.type_name, name, today)


@dg.scaffold_with(ChallengeScaffolder)
@dataclass(frozen=True)
class Challenge(dg.Component):
    """A live prediction challenge. Its attributes are the fields of a spec, see docs/spec.md."""

    spec: Spec

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """How attributes are read."""
        return Attributes

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> "Challenge":
        """The component that a ``defs.yaml`` describes; its paths are meant from its directory.

        Raises:
            SpecError: the attributes are no spec; the message names the file and the fields.
        """
        raw = attributes.root if isinstance(attributes, Attributes) else {}
        return cls(challenge_of(raw, context.path / FILE))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """What ``build_definitions`` makes of the spec.

        Raises:
            CallableError: a callable of the spec cannot be used; the message names its key.
        """
        del context
        return build_definitions(self.spec)
