"""What the assets of all stages share: how one is declared, bound to a challenge, and reports.

Add here what every stage needs; avoid anything that one stage alone does. Assets are written
once, as functions under ``@stage``; a challenge binds them with its partitions and key prefix.
Dagster must know the partitions of an asset's checks when it is declared, which is why the
declaration waits for the challenge.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.errors import CoordinatorError
from coordinator_pipelines.domain.round import Window
from coordinator_pipelines.domain.spec_sections import CONVENTIONS
from coordinator_pipelines.partitions import batch_windows, window_key

OWNERS = ["team:operators"]
NO_WINDOW = (
    "This run names no batch window. A check is evaluated when its asset is materialized: choose "
    "partitions of the asset; what is stored already is not computed again."
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the pipeline, not yet bound to a challenge."""

    body: Callable[..., None]
    after: tuple[str, ...]
    checks: Mapping[str, str]
    kinds: frozenset[str]

    @property
    def name(self) -> str:
        """Name of the asset."""
        return self.body.__name__

    def bind(self, challenge: Challenge) -> dg.AssetsDefinition:
        """The stage as an asset of one challenge."""
        prefix, partitions = [challenge.key], batch_windows(challenge)
        spec = dg.AssetSpec(
            [*prefix, self.name],
            group_name=challenge.key,
            partitions_def=partitions,
            deps=[
                dg.AssetDep([*prefix, name], partition_mapping=dg.IdentityPartitionMapping())
                for name in self.after
            ],
            description=inspect.cleandoc(self.body.__doc__ or ""),
            kinds=set(self.kinds),
            owners=OWNERS,
            metadata=_facts(challenge),
        )
        checks = [
            dg.AssetCheckSpec(name, asset=spec.key, description=text, partitions_def=partitions)
            for name, text in self.checks.items()
        ]
        # A check is evaluated for each window of a run, by an event; as an output that Dagster
        # insists on it could be evaluated once only. What can be left out is not insisted on.
        declare = dg.multi_asset(
            name=f"{challenge.key}__{self.name}",
            specs=[spec],
            check_specs=checks,
            can_subset=True,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        return declare(_with_plain_failures(self.body))


def stage(
    *, after: tuple[str, ...] = (), checks: Mapping[str, str] | None = None, kinds: tuple[str, ...]
) -> Callable[[Callable[..., None]], Stage]:
    """Declare a function as the asset of a stage: its docstring is what the UI shows."""
    return lambda body: Stage(body, after, checks or {}, frozenset(kinds))


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

    def check(self, name: str, problems: list[str], **values: Any) -> None:
        """Evaluate a check of the window: it passes where there is no problem."""
        listed = {"problems": dg.MetadataValue.md(as_list(problems))} if problems else {}
        self.context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=self.context.assets_def.key,
                check_name=name,
                passed=not problems,
                description=summary(problems) if problems else None,
                metadata={**listed, **values},
                partition=window_key(self.window),
            )
        )


def within(frame: pd.DataFrame, window: Window, column: str = "performed_at") -> pd.DataFrame:
    """The rows of a frame whose instant lies in the window."""
    return frame[(frame[column] >= window.start) & (frame[column] < window.end)]


def as_list(lines: list[str], most: int = 100) -> str:
    """Markdown list of at most so many lines."""
    more = [f"... and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join(f"* {line}" for line in [*lines[:most], *more])


def summary(problems: list[str]) -> str:
    """The first problem, and how many more there are."""
    rest = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{rest}"


def _facts(challenge: Challenge) -> dict[str, Any]:
    """What an operator should see of the spec beside every asset."""
    feed, truth = challenge.feed, challenge.truth
    simulated = " (SIMULATED PRICES)" if feed.provider == "simulated" else ""
    return {
        "challenge": challenge.name,
        "rounds": dg.MetadataValue.md(as_list([config.describe() for config in challenge.configs])),
        "feed": f"{feed.provider}{simulated}, bars of {feed.granularity_seconds} s, seen "
        f"{feed.publication_delay_seconds:g} s after their end",
        "truth": f"{CONVENTIONS[truth.convention]}; a later record proves it final; price "
        f"unchanged: {truth.tie_rule}",
    }


def _with_plain_failures(
    body: Callable[..., None],
) -> Callable[..., Iterator[dg.MaterializeResult]]:
    """The body, failing with our own errors' text rather than with a traceback of the engine."""

    @functools.wraps(body)
    def run(
        context: dg.AssetExecutionContext, *args: Any, **kwargs: Any
    ) -> Iterator[dg.MaterializeResult]:
        if not context.has_partition_key and not context.has_partition_key_range:
            raise dg.Failure(NO_WINDOW, allow_retries=False)
        try:
            body(context, *args, **kwargs)
        except CoordinatorError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        if context.selected_asset_keys:
            yield dg.MaterializeResult()

    # Dagster reads the annotation: a result of this type passes no value to an IO manager.
    run.__annotations__["return"] = Iterator[dg.MaterializeResult]
    return run
