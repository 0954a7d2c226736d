"""What a stage says of one window: metadata of its partition, and the verdict of its check.

Add here how windows are reported in the Dagster UI; avoid tables and plots (``tables``,
``pictures``) and what a stage computes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.partitions import window_key


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of one window."""

    check: str
    partition: str
    problems: list[str]

    def evaluation(
        self, asset: dg.AssetKey, target: AssetCheckEvaluationTargetMaterializationData | None
    ) -> dg.AssetCheckEvaluation:
        """The verdict as Dagster stores it, about one materialization of the window."""
        told = {"problems": dg.MetadataValue.md(as_list(self.problems))} if self.problems else {}
        return dg.AssetCheckEvaluation(
            asset_key=asset,
            check_name=self.check,
            passed=not self.problems,
            description=summary(self.problems) if self.problems else None,
            metadata=told,
            partition=self.partition,
            target_materialization_data=target,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """Says what happened to one window: metadata for its partition, verdicts of its checks."""

    context: dg.AssetExecutionContext
    window: Window

    def metadata(self, **values: Any) -> None:
        """Attach metadata to the window's materialization; names as the UI shows them."""
        if not self.context.selected_asset_keys:
            return  # the run evaluates checks only
        shown = {name.replace("_", " "): value for name, value in values.items()}
        self.context.add_asset_metadata(shown, partition_key=window_key(self.window))

    def check(self, name: str, problems: list[str]) -> Verdict:
        """The verdict of a check on the window: it passes where there is no problem."""
        return Verdict(name, window_key(self.window), problems)


def of_mode(mode: Mode, modes: Collection[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of one mode; where there are two, what was replayed says so in its names."""
    if mode is Mode.LIVE or len(modes) == 1:
        return dict(values)
    return {f"{mode.value} {name}": value for name, value in values.items()}


def as_list(lines: list[str], most: int = 100) -> str:
    """Markdown list of at most so many lines."""
    more = [f"... and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join(f"* {line}" for line in [*lines[:most], *more])


def summary(problems: list[str]) -> str:
    """The first problem, and how many more there are."""
    rest = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{rest}"
