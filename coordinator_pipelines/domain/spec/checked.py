"""From what an author wrote to a challenge that contradicts nothing, itself included.

Add here what happens to a whole spec; avoid fields (``challenge``) and rules between them
(``rules``).
"""

from datetime import datetime
from pathlib import PurePath

from pydantic import ValidationError

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.errors import explain, listed
from coordinator_pipelines.domain.spec.rules.contradictions import contradictions
from coordinator_pipelines.domain.values.errors import SpecError
from coordinator_pipelines.domain.values.json_value import json_defect


def checked_challenge(raw: object) -> Challenge:
    """The challenge that a mapping (from JSON or YAML) describes.

    Raises:
        SpecError: one line per problem, each naming the field and the value.
    """
    defect = json_defect(raw, also=(datetime, PurePath))
    if defect is not None:
        raise SpecError(f"{defect[0] or 'the spec'}: {defect[1]}")
    try:
        challenge = Challenge.model_validate(raw)
    except ValidationError as error:
        raise SpecError(explain(error)) from None
    if found := contradictions(challenge):
        raise SpecError(listed(found))
    return challenge
