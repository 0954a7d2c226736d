"""What the assets of all stages share: how one is declared, bound to a challenge, and run.

Add here what every stage needs of Dagster; avoid what a stage says of a window (``report``) and
anything that one stage alone does. Assets are written
once, as functions under ``@stage``; a challenge binds them with its partitions and key prefix.
Dagster must know the partitions of an asset's checks when it is declared, which is why the
declaration waits for the challenge.
"""

import functools
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

# Not among Dagster's public names yet, though the event that takes it is.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from coordinator_pipelines.assets.report import Verdict, as_list
from coordinator_pipelines.automation import pool, stages
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.sections import CONVENTIONS
from coordinator_pipelines.domain.values.errors import (
    CoordinatorError,
    FeedUnavailableError,
    LedgerUnavailableError,
)
from coordinator_pipelines.partitions import batch_windows

Body = Callable[..., Iterator[Verdict]]
"""Computes and stores the windows of a run; yields a verdict per window and check."""

FurtherChecks = Callable[[Challenge], Mapping[str, str]]
"""The checks that only some challenges have: name -> what the UI says of it."""

Partitions = Callable[[Challenge], dg.TimeWindowPartitionsDefinition]

RETRIES = 3
RETRY_SECONDS = 5
"""A vendor or a database that does not answer for now is asked again, after twice as long."""
PROGRESS = "{done} of {total} windows"
PROGRESS_SECONDS = 2.0
NO_WINDOW = (
    "This run names no batch window. A check is evaluated when its asset is materialized: choose "
    "partitions of the asset; what is stored already is not computed again."
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the pipeline, not yet bound to a challenge."""

    body: Body
    after: tuple[str, ...]
    checks: Mapping[str, str]
    further_checks: FurtherChecks
    kind: str
    partitions: Partitions

    @property
    def name(self) -> str:
        """Name of the asset."""
        return self.body.__name__

    def bind(self, challenge: Challenge) -> dg.AssetsDefinition:
        """The stage as an asset of one challenge."""
        prefix, partitions = [challenge.key], self.partitions(challenge)
        windows = self.partitions is batch_windows
        mapping = dg.IdentityPartitionMapping() if windows else dg.TimeWindowPartitionMapping()
        spec = dg.AssetSpec(
            [*prefix, self.name],
            # Of a group with partitions of one kind, everything can be chosen over a range at once.
            group_name=challenge.key if windows else f"{challenge.key}_payouts",
            partitions_def=partitions,
            deps=[
                dg.AssetDep([*prefix, name], partition_mapping=mapping)
                for name in stages(challenge, self.after)
            ],
            description=inspect.cleandoc(self.body.__doc__ or ""),
            kinds={self.kind},
            metadata=_facts(challenge),
        )
        checks = [
            dg.AssetCheckSpec(name, asset=spec.key, description=text, partitions_def=partitions)
            for name, text in (*self.checks.items(), *self.further_checks(challenge).items())
        ]
        # A check is evaluated for each window of a run, by an event; as an output that Dagster
        # insists on it could be evaluated once only. What can be left out is not insisted on.
        declare = dg.multi_asset(
            name=f"{challenge.key}__{self.name}",
            specs=[spec],
            check_specs=checks,
            can_subset=True,
            backfill_policy=dg.BackfillPolicy.single_run(),
            pool=pool(challenge, self.name),
        )
        return declare(_as_compute(self.body))


def _none(challenge: Challenge) -> Mapping[str, str]:
    del challenge  # all of them have the same checks
    return {}


def stage(
    *,
    after: tuple[str, ...] = (),
    checks: Mapping[str, str] | None = None,
    further_checks: FurtherChecks = _none,
    kind: str,
    partitions: Partitions = batch_windows,
) -> Callable[[Body], Stage]:
    """Declare a function as the asset of a stage: its docstring is what the UI shows."""
    return lambda body: Stage(body, after, checks or {}, further_checks, kind, partitions)


def _facts(challenge: Challenge) -> dict[str, Any]:
    """What an operator should see of the spec beside every asset."""
    feed, truth = challenge.feed, challenge.truth
    rounds = dg.MetadataValue.md(as_list([config.describe() for config in challenge.configs]))
    if challenge.is_operated:
        posted = CONVENTIONS[truth.convention]
        return {"challenge": challenge.name, "rounds": rounds, "truth": posted}
    simulated = " (SIMULATED PRICES)" if feed.simulated else ""
    return {
        "challenge": challenge.name,
        "rounds": rounds,
        "feed": f"{feed.provider}{simulated}, bars of {feed.granularity_seconds} s, seen "
        f"{feed.publication_delay_seconds:g} s after their end",
        "truth": f"{CONVENTIONS[truth.convention]}; a later record proves it final; price "
        f"unchanged: {truth.tie_rule}",
    }


def _as_compute(body: Body) -> Callable[..., Iterator[dg.MaterializeResult]]:
    """The body as Dagster runs it: materializations first, then the verdicts on them.

    Our own errors end the run with their text rather than with a traceback of the engine.
    """

    @functools.wraps(body)
    def compute(
        context: dg.AssetExecutionContext, *args: Any, **kwargs: Any
    ) -> Iterator[dg.MaterializeResult]:
        if not context.has_partition_key and not context.has_partition_key_range:
            raise dg.Failure(NO_WINDOW, allow_retries=False)
        try:
            verdicts = _collected(context, body(context, *args, **kwargs))
        except CoordinatorError as error:
            raise _as_dagster_says_it(error, context.retry_number) from error
        if context.selected_asset_keys:
            yield dg.MaterializeResult()
        targets = _materializations(context)
        for verdict in verdicts:
            target = targets.get(verdict.partition)
            context.log_event(verdict.evaluation(context.assets_def.key, target))

    # Dagster reads the annotation: a result of this type passes no value to an IO manager.
    compute.__annotations__["return"] = Iterator[dg.MaterializeResult]
    return compute


def _as_dagster_says_it(error: CoordinatorError, retried: int) -> Exception:
    """The error with its own text; or, if it may pass by itself, the wish to try again."""
    passing = isinstance(error, FeedUnavailableError | LedgerUnavailableError)
    if not passing or retried >= RETRIES:
        return dg.Failure(str(error), allow_retries=False)
    seconds = float(RETRY_SECONDS * 2**retried)
    not_before = getattr(error, "not_before", None)
    if not_before is not None:
        seconds = max(seconds, (not_before - datetime.now(UTC)).total_seconds())
    return dg.RetryRequested(RETRIES, seconds_to_wait=seconds)


def _collected(context: dg.AssetExecutionContext, verdicts: Iterator[Verdict]) -> list[Verdict]:
    """All verdicts; the log says every few seconds how many windows are done."""
    total, told_at = len(context.partition_keys), time.monotonic()
    collected, windows = [], set[str]()
    for verdict in verdicts:
        collected.append(verdict)
        new = verdict.partition not in windows
        windows.add(verdict.partition)
        done = len(windows)
        if (new and done == total) or time.monotonic() - told_at > PROGRESS_SECONDS:
            context.log.info(PROGRESS.format(done=done, total=total))
            told_at = time.monotonic()
    return collected


def _materializations(
    context: dg.AssetExecutionContext,
) -> dict[str, AssetCheckEvaluationTargetMaterializationData]:
    """The newest materialization of each window of the run; a check is current about that one."""
    keys = context.partition_keys
    found = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=context.assets_def.key, asset_partitions=keys),
        limit=len(keys),
    )
    return {
        str(record.partition_key): AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for record in reversed(found.records)
    }
