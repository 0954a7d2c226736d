"""An audit: everything that is stored of a span, recomputed step by step from what is below it.

Add a step here when a stage gets one; avoid recomputing (the modules of the steps), and printing.
A step is compared with what is *stored* below it, so that a change shows where it was made, and in
what no longer follows from it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from coordinator_pipelines.domain.audit.boards import (
    BOARDS,
    CHECKPOINTS,
    MODEL_SCORES,
    check_boards,
    check_checkpoints,
    check_model_scores,
)
from coordinator_pipelines.domain.audit.books import Audited
from coordinator_pipelines.domain.audit.finding import Checked, Difference
from coordinator_pipelines.domain.audit.log import HEADS, check_head, check_log
from coordinator_pipelines.domain.audit.log import STEP as LOG
from coordinator_pipelines.domain.audit.rounds import ANSWERS, check_answers, check_rounds
from coordinator_pipelines.domain.audit.rounds import STEP as ROUNDS
from coordinator_pipelines.domain.audit.scores import STATISTICS, check_scores, check_statistics
from coordinator_pipelines.domain.audit.scores import STEP as SCORES
from coordinator_pipelines.domain.audit.truths import STEP as TRUTHS
from coordinator_pipelines.domain.audit.truths import check_truths
from coordinator_pipelines.domain.timeline.window import Window

Step = Callable[[Audited, Window], Checked]

STEPS: Mapping[str, Step] = {
    ROUNDS: check_rounds,
    ANSWERS: check_answers,
    TRUTHS: check_truths,
    SCORES: check_scores,
    STATISTICS: check_statistics,
    MODEL_SCORES: lambda audited, span: check_model_scores(audited, span.start, span.end),
    BOARDS: lambda audited, span: check_boards(audited, span.start, span.end),
    CHECKPOINTS: lambda audited, span: check_checkpoints(audited, span.start, span.end),
    LOG: check_log,
}
"""Table -> how its rows of a span are recomputed, from the first question to what was paid."""
OF_ALL_MODES = (TRUTHS, LOG)


@dataclass
class Report:
    """What an audit has found so far, by table."""

    steps: dict[str, Checked] = field(
        default_factory=lambda: {name: Checked(name) for name in (*STEPS, HEADS)}
    )

    def add(self, checked: Checked) -> None:
        """Take what was found of some rows."""
        self.steps[checked.step].add(checked)

    @property
    def rows(self) -> int:
        """Rows looked at."""
        return sum(step.rows for step in self.steps.values())

    @property
    def recomputed(self) -> int:
        """Rows that could be recomputed."""
        return sum(step.recomputed for step in self.steps.values())

    @property
    def differences(self) -> list[Difference]:
        """All differences, in the order of the pipeline."""
        return [one for step in self.steps.values() for one in step.differences]


def audit(modes: list[Audited], spans: list[Window], report: Report) -> Iterator[Window]:
    """Audit spans of whole batch windows, one state of the ledger each; yields those done.

    ``modes``: the challenge in each mode that has taken part. ``report``: grows with each span.
    """
    for span in spans:
        with modes[0].books.snapshot():
            for name, step in STEPS.items():
                for audited in modes[:1] if name in OF_ALL_MODES else modes:
                    report.add(step(audited, span))
            if span is spans[-1]:
                report.add(check_head(modes[0]))
        yield span
