"""The files of a new challenge that is a Dagster component.

Add here what differs from the files of a node (``rendering``); avoid Dagster. There is no public
package beside them, so the challenge begins with the starter's code.
"""

import textwrap
from collections.abc import Mapping
from datetime import datetime

from coordinator_pipelines.scaffold.blueprint import MODELS_FILE, blueprint
from coordinator_pipelines.scaffold.completion import generated_callables
from coordinator_pipelines.scaffold.names import Names
from coordinator_pipelines.scaffold.spec_writing import fields_text

FILE = "defs.yaml"
STARTER = "coordinator_pipelines.starter"
CALLABLES: Mapping[str, str] = {
    "INFERENCE_INPUT_BUILDER": f"{STARTER}.inference:build_input",
    "INFERENCE_OUTPUT_VALIDATOR": f"{STARTER}.validation:validate_output",
    "SCORING_FUNCTION": f"{STARTER}.scoring:score_predictions",
    "REPORT_SCHEMA_PROVIDER": f"{STARTER}.reporting:report_schema",
}
HEAD = """\
# A challenge as a Dagster component. docs/spec.md of coordinator-pipelines explains every field;
# `dg check defs` checks the file. Paths in it are meant from this directory. The callables are
# those of the starter challenge: name your own as soon as there are some.
"""
NO_MODELS = """\
# The models that run on this machine: `coordinator init` writes such a file with examples.
models: []
"""


def component_files(type_name: str, name: str, today: datetime) -> dict[str, str]:
    """File name -> text: a whole spec, which works as it is, and a file for models.

    Args:
        type_name: of the component, as ``type`` is to say it.
        name: of the challenge.
        today: start of the challenge; midnight in UTC.

    Raises:
        SpecError: the name is none that a challenge can have.
    """
    callables = {**dict.fromkeys(generated_callables(Names(name))), **CALLABLES}
    plan = blueprint({"callables": callables}, name=name, preset=None, today=today)
    attributes = textwrap.indent(fields_text(plan), "  ")
    return {FILE: f"{HEAD}type: {type_name}\nattributes:\n{attributes}", MODELS_FILE: NO_MODELS}
