"""The spec of a new challenge as a YAML text that explains itself.

Add a comment here for each field that an author should think about; avoid values.
"""

from collections.abc import Mapping

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.scaffold.blueprint import Blueprint
from coordinator_pipelines.spec_text import to_yaml

HEAD = """\
# Everything about the challenge but its code. docs/spec.md of coordinator-pipelines explains every
# field; `coordinator doctor` in this directory checks the file.
"""
COMMENTS: Mapping[str, str] = {
    "name": "Names the challenge everywhere. A challenge has one database.",
    "title": "What people read as its name.",
    "question": "What models are asked, in a sentence, on the public page.",
    "join_url": "Where whoever wants to take part reads how.",
    "crunch_id": "By this id the orchestrator of models finds those of this challenge.",
    "model_base_classname": "Definition point 1, the model interface: what models inherit from.",
    "preset": "Where this file began; everything that the preset says is written out below.",
    "start": "The first round. Rounds before now are missed if they are not replayed.",
    "checkpoint_interval_seconds": "Definition point 6, the checkpoint interval: a week is 604800.",
    "refresh_interval_seconds": "How often outcomes, scores and the open board are renewed.",
    "replay_allowed": "Whether past rounds may be asked later, with the inputs of that time.",
    "feed": "Where prices come from. `simulated` are made up, and every page says so.",
    "truth": "What the outcome of a round is; `void`: an unchanged price counts for nobody.",
    "model_interface": "How the methods of models are called.",
    "scheduled_prediction_configs": "What is predicted, how often, how far ahead, in seconds.",
    "callables": "Definition points 2 to 5: inference input, inference output, scoring, model "
    "score.",
    "trailing_windows_hours": "The windows of the leaderboard.",
    "metrics": "The columns of the leaderboard.",
    "profile": "The columns of the leaderboard: the mean score of each window, or others.",
    "ranking": "How many scores a model must show before it is ranked.",
    "missing_data": "What a round without a valid answer costs.",
    "certainty": "How a board says how sure it is: level, baseline, bounds of scores.",
}


def spec_text(plan: Blueprint) -> str:
    """The ``spec.yaml`` of a node; reading it gives the blueprint's spec."""
    return HEAD + fields_text(plan)


def fields_text(plan: Blueprint) -> str:
    """The spec's fields in their order, each below the comment that explains it."""
    fields = [field for field in Challenge.model_fields if field in plan.spec]
    return "".join(_commented(field, plan.spec[field]) for field in fields)


def _commented(field: str, value: object) -> str:
    comment = f"\n# {COMMENTS[field]}\n" if field in COMMENTS else ""
    return comment + to_yaml({field: value})
