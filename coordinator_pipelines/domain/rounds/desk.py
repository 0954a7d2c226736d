"""The operator's desk: rounds are opened here, and their truths are posted here.

Add here what may be opened or posted when; avoid reading files (``table_file``) and what becomes of
it in the stages (``opened_round``, ``ground_truth.posted``). Whatever is done twice is done once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.doors.posted import OPENED_ROUND_COLUMNS, POSTED_TRUTH_COLUMNS
from coordinator_pipelines.domain.rounds.feature_table import FeatureTable
from coordinator_pipelines.domain.rounds.pause import open_pauses
from coordinator_pipelines.domain.season.state import closed_at, closed_seasons
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import (
    OperatorSchedule,
    ScheduledPredictionConfig,
)
from coordinator_pipelines.domain.timeline.instant import SECOND, as_utc
from coordinator_pipelines.domain.values.content import canonical, content_hash
from coordinator_pipelines.domain.values.errors import RoundError

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class OpenedRound:
    """A round as it is open."""

    performed_at: datetime
    closes_at: datetime
    resolvable_at: datetime
    is_new: bool
    """Whether it was opened by this call; the same had been opened before if not."""


@dataclass(frozen=True, slots=True)
class PostedTruth:
    """A truth as it was posted."""

    performed_at: datetime
    version: int
    is_new: bool
    """Whether it was posted by this call; the newest version said the same if not."""
    closed: str | None
    """What the season of the round is, if its boards and payouts do not follow any more."""


@dataclass(frozen=True, slots=True)
class RoundDesk:
    """Opens and resolves rounds of a challenge whose operator does that, as of ``now``."""

    challenge: Challenge
    ledger: Ledger
    now: datetime

    def open(
        self,
        config_id: str,
        table: FeatureTable,
        *,
        performed_at: datetime | None = None,
        closes_at: datetime | None = None,
    ) -> OpenedRound:
        """Open a round with a table, at an instant to come or, by default, at the next second.

        A round that is not closed yet and has the same table is that round, unless an instant is
        named: then it is the one of that instant.

        Raises:
            RoundError: the config has no such rounds, is paused, or the instants make no sense;
                or a round with another table or closing is open at that instant.
        """
        config = self._config(config_id)
        wanted = _next_second(self.now) if performed_at is None else as_utc(performed_at)
        known = self._same(config, table, performed_at)
        if known is None:
            self._require_unpaused(config)
            known = self._added(config, table, self._closing(config, wanted, closes_at), wanted)
        elif closes_at is not None and as_utc(closes_at) != known.closes_at:
            raise RoundError(
                f"the round of {_text(known.performed_at)} is open until {_text(known.closes_at)}, "
                f"not {_text(as_utc(closes_at))}; an opened round does not change"
            )
        return known

    def post_truth(
        self, config_id: str, truth: pd.DataFrame, *, performed_at: datetime | None = None
    ) -> PostedTruth:
        """Post the true values of a round; of the only one that waits for them, by default.

        ``truth``: the columns ``id`` and ``truth``. Another table than the one posted before is
        a correction, and becomes the next version.

        Raises:
            RoundError: there is no such round, it cannot be resolved yet, or several wait.
            TableError: the table does not fit the round; the message names row and column.
        """
        config = self._config(config_id)
        at = self._waiting_for_truth(config) if performed_at is None else as_utc(performed_at)
        table = self._table(config, at)
        resolvable_at = at + config.cadence.horizon
        if self.now < resolvable_at:
            raise RoundError(
                f"the round of {_text(at)} is resolved from {_text(resolvable_at)} on; before, "
                "its truth cannot be known, and is refused"
            )
        told = canonical(table.truths(truth))
        before = self.ledger.posted_truths(at, at + SECOND)
        before = before[before["prediction_config_id"] == config.id]
        version = 0 if before.empty else int(before["version"].item())
        digest = content_hash(told)
        if version and before["content_hash"].item() == digest:
            return PostedTruth(at, version, is_new=False, closed=None)
        row = (config.id, at, version + 1, as_utc(self.now), digest, told)
        frame = _typed(pd.DataFrame([row], columns=list(POSTED_TRUTH_COLUMNS)))
        if not self.ledger.add_posted_truth(frame, resolvable_at):
            raise RoundError(
                f"version {version + 1} was posted at the same moment; post yours again"
            )
        season = closed_at(closed_seasons(self.ledger.season_events()), resolvable_at)
        return PostedTruth(at, version + 1, is_new=True, closed=season.told if season else None)

    def _config(self, config_id: str) -> ScheduledPredictionConfig:
        if not self.challenge.is_operated:
            raise RoundError(
                f"the rounds of {self.challenge.name} follow its schedule; an operator opens those "
                "of a challenge with feed.provider 'posted'"
            )
        known = {config.id: config for config in self.challenge.configs}
        if config_id not in known:
            raise RoundError(
                f"{self.challenge.name} has no active prediction config {config_id!r}; "
                f"it has: {', '.join(known)}"
            )
        return known[config_id]

    def _require_unpaused(self, config: ScheduledPredictionConfig) -> None:
        if config.id in set(open_pauses(self.ledger.pauses())["prediction_config_id"]):
            raise RoundError(f"{config.id} is paused, so nobody would ask its round; resume it")

    def _same(
        self, config: ScheduledPredictionConfig, table: FeatureTable, performed_at: datetime | None
    ) -> OpenedRound | None:
        """The round that is meant, if it is open already."""
        if performed_at is None:
            opened = self.ledger.unclosed_rounds(self.now, leased=True)
            opened = opened[opened["content_hash"] == table.content_hash]
        else:
            at = as_utc(performed_at)
            opened = self.ledger.opened_rounds(at, at + SECOND)
        opened = opened[opened["prediction_config_id"] == config.id]
        if opened.empty:
            return None
        row = opened.iloc[0]
        if row["content_hash"] != table.content_hash:
            raise RoundError(
                f"a round of {config.id} with another table is open at "
                f"{_text(row['performed_at'])}; an opened round does not change"
            )
        instants = (row[name].to_pydatetime() for name in ("performed_at", "closes_at"))
        return _opened(config, *instants, is_new=False)

    def _closing(
        self, config: ScheduledPredictionConfig, at: datetime, closes_at: datetime | None
    ) -> datetime:
        """The closing instant of a round that is opened at an instant; both make sense."""
        start, end = self.challenge.start, self.challenge.end
        if at.microsecond:
            raise RoundError(f"{_text(at)} is not on a whole second")
        if at < self.now:
            raise RoundError(f"{_text(at)} is past; a round opens at an instant to come")
        if at < start or (end is not None and at >= end):
            until = "" if end is None else f" until {_text(end)}"
            raise RoundError(f"{_text(at)} is not within the challenge: {_text(start)}{until}")
        assert isinstance(config.schedule, OperatorSchedule)
        usual = timedelta(seconds=config.schedule.answer_within_seconds)
        closing = at + usual if closes_at is None else as_utc(closes_at)
        earliest = at + timedelta(seconds=self.challenge.limits.call_timeout_seconds)
        latest = at + config.cadence.horizon
        if not earliest <= closing <= latest:
            raise RoundError(
                f"the round cannot close at {_text(closing)}: models need until {_text(earliest)} "
                f"to answer, and the truth can be known from {_text(latest)} on"
            )
        return closing

    def _added(
        self,
        config: ScheduledPredictionConfig,
        table: FeatureTable,
        closing: datetime,
        at: datetime,
    ) -> OpenedRound:
        row = (config.id, at, closing, as_utc(self.now), table.content_hash, table.as_json())
        frame = _typed(pd.DataFrame([row], columns=list(OPENED_ROUND_COLUMNS)))
        if not self.ledger.add_opened_round(frame):
            raise RoundError(f"a round of {config.id} was opened at {_text(at)} at the same moment")
        return _opened(config, at, closing, is_new=True)

    def _table(self, config: ScheduledPredictionConfig, at: datetime) -> FeatureTable:
        opened = self.ledger.opened_rounds(at, at + SECOND, features=True)
        opened = opened[opened["prediction_config_id"] == config.id]
        if opened.empty:
            raise RoundError(f"no round of {config.id} was opened at {_text(at)}")
        return FeatureTable.from_json(opened["features_json"].item())

    def _waiting_for_truth(self, config: ScheduledPredictionConfig) -> datetime:
        """The only round that can be resolved and has no truth yet."""
        until = as_utc(self.now) - config.cadence.horizon + SECOND
        span = (self.challenge.start, max(until, self.challenge.start))
        told = self.ledger.posted_truths(*span)[["prediction_config_id", "performed_at"]]
        opened = self.ledger.opened_rounds(*span)
        opened = opened[opened["prediction_config_id"] == config.id]
        left = opened[~opened["performed_at"].isin(
            told.loc[told["prediction_config_id"] == config.id, "performed_at"]
        )]  # fmt: skip
        left = left[left["performed_at"] + config.cadence.horizon <= self.now]
        if len(left) == 1:
            at: datetime = left["performed_at"].item().to_pydatetime()
            return at
        if left.empty:
            raise RoundError(
                f"no round of {config.id} waits for its truth; to correct one, name its instant"
            )
        named = ", ".join(_text(at) for at in left["performed_at"].iloc[:MOST_NAMED])
        raise RoundError(f"{len(left)} rounds wait for their truths ({named}); name one of them")


def _opened(
    config: ScheduledPredictionConfig, at: datetime, closing: datetime, *, is_new: bool
) -> OpenedRound:
    return OpenedRound(at, closing, at + config.cadence.horizon, is_new)


def _next_second(now: datetime) -> datetime:
    whole = as_utc(now).replace(microsecond=0)
    return whole if whole == now else whole + SECOND


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    instants = [name for name in frame.columns if name.endswith("_at")]
    for name in instants:
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame


def _text(instant: datetime) -> str:
    """An instant as the command takes it."""
    whole = "%Y-%m-%dT%H:%M:%S.%fZ" if instant.microsecond else "%Y-%m-%dT%H:%M:%SZ"
    return instant.strftime(whole)
