"""How long the stages of a live instant take, and what that looks like over many.

Add here what is measured of a live instant; avoid measuring anything else. All figures are
milliseconds; TIMING_COLUMNS of ``operation`` says what each one covers.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.operation import TIMING_COLUMNS

STAGES = ("wake_ms", "prepare_ms", "models_ms", "validate_ms", "commit_ms")
MILLISECOND = timedelta(milliseconds=1)


@dataclass
class Stopwatch:
    """Marks the end of each stage of one instant, in their order."""

    clock: Clock
    performed_at: datetime
    _marks: list[datetime] = field(default_factory=list)

    def mark(self) -> None:
        """The next stage is over."""
        self._marks.append(self.clock.now())

    @property
    def is_complete(self) -> bool:
        """Whether all stages have been marked: an instant that is passed over has not had them."""
        return len(self._marks) == len(STAGES)

    def timings(self, run_id: str, models: int) -> pd.DataFrame:
        """One row of TIMING_COLUMNS; all stages must have been marked."""
        starts = [self.performed_at, *self._marks]
        spans = zip(STAGES, starts, self._marks, strict=False)
        row = {name: (end - start) / MILLISECOND for name, start, end in spans}
        row["total_ms"] = (self._marks[-1] - self.performed_at) / MILLISECOND
        facts = {"performed_at": self.performed_at, "run_id": run_id, "models": models}
        frame = pd.DataFrame([facts | row], columns=list(TIMING_COLUMNS))
        return frame.astype({"performed_at": "datetime64[us, UTC]"})


def percentiles(timings: pd.DataFrame) -> dict[str, dict[str, float]]:
    """``{stage: {"p50", "p99"}}`` of each stage, of ``coordinator_ms`` and of ``total_ms``.

    ``coordinator_ms`` is the total without the models' own time. Empty if there are no timings.
    """
    if timings.empty:
        return {}
    figures = timings[[*STAGES, "total_ms"]].assign(
        coordinator_ms=timings["total_ms"] - timings["models_ms"]
    )
    half, most = (figures.quantile(q).to_dict() for q in (0.5, 0.99))
    return {str(name): {"p50": float(half[name]), "p99": float(most[name])} for name in figures}
