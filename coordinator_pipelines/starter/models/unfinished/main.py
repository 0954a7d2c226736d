"""A submission without its trained weights: it never gets set up, so it is absent all the time."""

import json
from pathlib import Path

from coordinator_pipelines.starter.tracker import TrackerBase


class Unfinished(TrackerBase):
    """Needs a file that was not submitted."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = json.loads(Path("weights.json").read_text())

    def predict(self, asset: str, horizon: int, step: int) -> dict[str, float]:
        """Never reached."""
        return {"p_up": self.weights["p_up"]}
