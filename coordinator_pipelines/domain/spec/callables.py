"""The ``callables`` section of a spec: which of the ten extension points an author fills.

Add a key here when a stage gains an extension point; avoid importing what the paths name
(``author.code`` does). A key that is left out means the engine's own columnar implementation.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from coordinator_pipelines.domain.spec.model import SpecModel, problem

_DOTTED = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_ORIGINAL_DEFAULTS = {
    "MODEL_SCORE_AGGREGATOR": "coordinator_runtime.defaults:aggregate_model_scores",
    "LEADERBOARD_RANKER": "coordinator_runtime.defaults:rank_leaderboard",
    "RAW_INPUT_PROVIDER": "coordinator_runtime.defaults:provide_raw_input",
    "GROUND_TRUTH_RESOLVER": "coordinator_runtime.defaults:resolve_ground_truth",
    "PREDICTION_SCOPE_BUILDER": "coordinator_runtime.defaults:build_prediction_scope",
    "PREDICT_CALL_BUILDER": "coordinator_runtime.defaults:build_predict_call",
}
_ORIGINAL_MODULES = ("node_template", "coordinator_runtime", "coordinator_core")


def _checked(value: Any, info: ValidationInfo) -> Any:
    if value is None or value == _ORIGINAL_DEFAULTS.get(info.field_name or ""):
        return None
    if not isinstance(value, str) or len(value) > 200:
        raise problem("", value, "must be '<module>:<callable>'")
    if not re.fullmatch(f"{_DOTTED}:{_DOTTED}", value, re.ASCII):
        raise problem("", value, "must be '<module>:<callable>'")
    if re.split("[.:]", value)[0] in _ORIGINAL_MODULES:
        raise problem(
            "", value,
            "an internal path of the original system; leave the key out for the built-in one, or "
            "name a module of the challenge",
        )  # fmt: skip
    return value


CallablePath = Annotated[str | None, BeforeValidator(_checked)]
"""``module:callable``, or None for the engine's own (as the original's defaults are)."""


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
    EMISSION_STRATEGY: CallablePath = None
    ENSEMBLE_WEIGHTS: CallablePath = None

    @property
    def reads_scope(self) -> bool:
        """Whether the author's own code reads the scope, so that it may hold more keys."""
        return bool(
            self.PREDICTION_SCOPE_BUILDER or self.PREDICT_CALL_BUILDER or self.GROUND_TRUTH_RESOLVER
        )
