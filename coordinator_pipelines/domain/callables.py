"""The ``callables`` section of a spec: which of the ten extension points an author fills.

Add a key here when a stage gains an extension point; avoid importing what the paths name
(``rules`` does). A key that is left out means the engine's own columnar implementation.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from coordinator_pipelines.domain.spec_model import SpecModel, problem

_DOTTED = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_PATH = re.compile(rf"^{_DOTTED}:{_DOTTED}$")
_ORIGINAL_DEFAULTS = "coordinator_runtime.defaults:"


def _checked(value: Any) -> Any:
    if value is None or (isinstance(value, str) and value.startswith(_ORIGINAL_DEFAULTS)):
        return None
    if not isinstance(value, str) or not _PATH.match(value):
        raise problem("", value, "must be '<module>:<callable>'")
    if value.split(":")[0].split(".")[0] == "node_template":
        raise problem(
            "", value, "an internal path of the original system; name a module of the challenge"
        )
    return value


CallablePath = Annotated[str | None, BeforeValidator(_checked)]
"""``module:callable``, or None for the engine's own (as ``coordinator_runtime.defaults:*`` is)."""


class Callables(SpecModel):
    """The ten extension points, each ``module:callable`` or left out."""

    RAW_INPUT_PROVIDER: CallablePath = None
    INFERENCE_INPUT_BUILDER: CallablePath = None
    INFERENCE_OUTPUT_VALIDATOR: CallablePath = None
    PREDICTION_SCOPE_BUILDER: CallablePath = None
    PREDICT_CALL_BUILDER: CallablePath = None
    GROUND_TRUTH_RESOLVER: CallablePath = None
    SCORING_FUNCTION: CallablePath = None
    MODEL_SCORE_AGGREGATOR: CallablePath = None
    LEADERBOARD_RANKER: CallablePath = None
    REPORT_SCHEMA_PROVIDER: CallablePath = None

    @property
    def reads_scope(self) -> bool:
        """Whether the author's own code reads the scope, so that it may hold more keys."""
        return bool(self.PREDICTION_SCOPE_BUILDER or self.PREDICT_CALL_BUILDER)
