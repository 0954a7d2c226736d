"""What an answer must be: a probability of "up", or one density of the price change.

The raw answer is stored as well, so another scoring rule can be applied to it later.
"""

from typing import Any

from coordinator_pipelines.authoring import probability_up


def validate_output(inference_output: Any) -> dict[str, float]:
    """The answer as ``{"p_up": x}``; raises ``ValueError`` for anything that is no answer."""
    return {"p_up": probability_up(inference_output)}
