"""What an operator does with a season: freeze it, open it again, make it final.

Add here when a step may be taken; avoid the states themselves (``season.state``). What is closed by
it is kept closed where it is written (``storage.published``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.checkpoint.period import board_instant, ended_periods
from coordinator_pipelines.domain.checkpoint.state import Progress, State, progress_by_checkpoint
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.doors.season import SEASON_EVENT_COLUMNS
from coordinator_pipelines.domain.membership.standing import modes
from coordinator_pipelines.domain.season.season import Season, seasons_of
from coordinator_pipelines.domain.season.state import AFTER, LEADS_TO, Step
from coordinator_pipelines.domain.season.state import State as SeasonState
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.errors import SeasonError

LONGEST = 500
"""Characters of a reason."""
Outdated = Callable[["pd.Series[Any]"], str | None]
"""Which correction a stored checkpoint does not rest on yet; None if there is none."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A step that somebody wants to take."""

    step: Step
    season: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class SeasonDesk:
    """Takes steps of a challenge's seasons, as of ``now``."""

    challenge: Challenge
    ledger: Ledger
    now: datetime
    outdated: Outdated

    def require_allowed(self, intent: Intent) -> Season:
        """The season as it is, if the step may be taken now.

        Raises:
            SeasonError: there is no such season, or the step may not be taken; the text says why
                and what to do.
        """
        seasons = seasons_of(self.challenge, self.ledger.season_events())
        season = next((each for each in seasons if each.name == intent.season), None)
        if season is None:
            known = ", ".join(each.name for each in seasons) or "none; the spec names them"
            raise SeasonError(f"there is no season {intent.season!r}; there are: {known}")
        reason = intent.reason.strip()
        if not reason or len(reason) > LONGEST or not reason.isprintable():
            raise SeasonError(f"--reason: printable text of 1 to {LONGEST} characters is needed")
        if season.state is not AFTER[intent.step]:
            why = "; what is final never changes" if season.state is SeasonState.FINAL else ""
            raise SeasonError(
                f"the season {season.name} is {season.state.value}; only one that is "
                f"{AFTER[intent.step].value} can become {LEADS_TO[intent.step].value}{why}"
            )
        if intent.step is Step.FROZEN:
            self._require_over(season)
            self._require_settled_boards(season)
            self._require_computed_payouts(season)
        elif intent.step is Step.FINALIZED:
            self._require_no_payout_on_its_way(season)
        return season

    def take(self, intent: Intent) -> SeasonState:
        """Take a step; the state that it leads to.

        Raises:
            SeasonError: as :meth:`require_allowed`; or somebody else took a step meanwhile.
        """
        season = self.require_allowed(intent)
        row = (
            season.name, season.steps + 1, as_utc(self.now), intent.step.value, intent.actor,
            intent.reason.strip(), season.starts_at, season.ends_at,
        )  # fmt: skip
        event = pd.DataFrame([row], columns=list(SEASON_EVENT_COLUMNS))
        for name in ("at", "starts_at", "ends_at"):
            event[name] = pd.to_datetime(event[name], utc=True).astype("datetime64[us, UTC]")
        if not self.ledger.add_season_event(event):
            raise SeasonError(
                f"the season {season.name} was changed by somebody else at this moment; look again"
            )
        return LEADS_TO[intent.step]

    def unpaid(self, season: Season) -> list[str]:
        """The newest live checkpoints of the season that pay somebody and are not paid."""
        heads = self._payouts(season)
        told = progress_by_checkpoint(self.ledger.checkpoint_events(list(heads["id"])))
        paid = {name for name, own in told.items() if own.state is State.PAID}
        settled = set(heads.loc[heads["id"].isin(paid), "period_end"])
        newest = heads.drop_duplicates("period_end", keep="last")
        return newest.loc[~newest["period_end"].isin(settled), "id"].tolist()

    def _require_over(self, season: Season) -> None:
        if season.ends_at is None:
            raise SeasonError(f"the season {season.name} has no end; give it `ends_at` in the spec")
        if season.ends_at > self.now:
            raise SeasonError(f"the season {season.name} goes on until {_at(season.ends_at)}")

    def _require_settled_boards(self, season: Season) -> None:
        """Nothing, if the season's last board is final: the live one, once the challenge is live.

        A challenge that has no boards in the season has nothing to wait for.
        """
        assert season.ends_at is not None
        is_live = self.ledger.first_captured_at() is not None
        for mode in [Mode.LIVE] if is_live else modes(self.ledger):
            newest = self.ledger.newest_leaderboard(mode, season.ends_at)
            if newest.empty or newest["as_of"].item() not in season:
                continue
            last = f"the {mode.value} board as of {_at(season.ends_at)}, the last of {season.name},"
            if newest["as_of"].item() != season.ends_at:
                window = f"{season.ends_at - self.challenge.window_length:%Y-%m-%d-%H:%M}"
                raise SeasonError(
                    f"{last} is not computed yet, and could not be any more; materialise "
                    f"`leaderboard` of the partition {window}"
                )
            if not newest["final"].item():
                raise SeasonError(
                    f"{last} is not final yet; the check `truth_finality` of `ground_truth` names "
                    "the rounds whose outcome is missing"
                )

    def _require_computed_payouts(self, season: Season) -> None:
        """Nothing, if there is a checkpoint of each live period, and no correction on its way."""
        since = self.ledger.first_captured_at()
        if since is None:
            return
        heads = self._payouts(season)
        for period in ended_periods(self.challenge, since, self.now):
            instant = board_instant(self.challenge, period)
            if instant not in season:
                continue
            own = heads[heads["as_of"] == instant]
            if own.empty:
                raise SeasonError(
                    f"the checkpoint of {period} is not computed yet, and could not be any more; "
                    f"run the job `{self.challenge.key}_checkpoint` for the partition "
                    f"{period.start:%Y-%m-%d-%H:%M}"
                )
            stored = self.ledger.checkpoint(own["id"].iloc[-1]).iloc[0]
            told = self.outdated(stored)
            if told is not None:
                raise SeasonError(f"{stored['id']} waits for a revision: {told}")

    def _require_no_payout_on_its_way(self, season: Season) -> None:
        heads = self._payouts(season)
        told = progress_by_checkpoint(self.ledger.checkpoint_events(list(heads["id"])))
        for name in heads["id"]:
            own = told.get(name, Progress())
            if own.state is not State.PAID and (own.in_flight or own.approved):
                word = own.state.value if own.in_flight else "approved"
                raise SeasonError(f"{name} is {word}; finish its payout first, or withdraw it")

    def _payouts(self, season: Season) -> pd.DataFrame:
        """All versions of the live checkpoints that are paid on a board of the season."""
        heads = self.ledger.checkpoint_heads(Mode.LIVE.value)
        return heads[heads["as_of"].map(lambda at: at in season).astype(bool)]


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
