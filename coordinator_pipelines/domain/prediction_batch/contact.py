"""Contact with the models as a whole: what must be so before one is asked, or called absent.

Add here what tells a fault of the coordinator from one of a model; avoid asking (``capture``).
While the line to the models' host is broken, that a model is not there says nothing of the model.
When it is there again the models come one by one, and each has the time of its set-up to be back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coordinator_pipelines.domain.doors.lifeline import Lifeline
from coordinator_pipelines.domain.doors.models import LiveModels, MembershipEvent
from coordinator_pipelines.domain.membership.membership import LOSSES, Memberships
from coordinator_pipelines.domain.values.errors import CoordinatorError

SETTLE = timedelta(seconds=10)
"""How long a capture that begins waits for the models that it should find."""
HOST_PATIENCE = timedelta(seconds=5)
"""Nobody waits for a host that is away for longer: who captures with another one may go on."""


class LetGoError(CoordinatorError):
    """This capture can do no good; another one may."""


@dataclass
class Contact:
    """Whether models can be asked. ``set_up``: how long one may need to be back with its host."""

    models: LiveModels
    memberships: Memberships
    lifeline: Lifeline
    set_up: timedelta
    broke: bool = False
    """Whether the line was broken since memberships were taken up."""
    _taken_up_on: int | None = None
    """The number of the line on which they were."""
    _there_since: datetime | None = None
    _unreached_since: datetime | None = None

    def require(self, now: datetime) -> None:
        """Nothing, as long as this capture can do any good.

        Raises:
            LetGoError: who started it is gone, or nobody could be reached for a while.
        """
        severed = self.lifeline.severed()
        if severed is not None:
            raise LetGoError(severed)
        problem = self.problem(now)
        if problem is not None and now - (self._unreached_since or now) > HOST_PATIENCE:
            raise LetGoError(problem)

    def problem(self, now: datetime) -> str | None:
        """Why no model can be reached; None while some can."""
        line = self.models.line()
        if self._taken_up_on is not None and (line.problem or line.number != self._taken_up_on):
            self.broke, self._taken_up_on, self._there_since = True, None, None
        self._there_since = None if line.problem else self._there_since or now
        if line.problem is None or self.models.members():
            self._unreached_since = None
            return None
        self._unreached_since = self._unreached_since or now
        return f"no model can be reached: {line.problem}"

    def waiting(self, now: datetime) -> str | None:
        """For whom a host that has just been found is to be given time; None: for nobody."""
        if not self.is_new:
            return None
        patience = self.set_up if self.broke else SETTLE
        awaited = self.memberships.awaited(self.models.members())
        if not awaited or now - (self._there_since or now) >= patience:
            return None
        return f"the models' host was away, and not all are back: {', '.join(awaited)}"

    @property
    def is_new(self) -> bool:
        """Whether the line is there, and memberships were not taken up on it."""
        line = self.models.line()
        return line.problem is None and self._taken_up_on != line.number

    def take_up(self, now: datetime) -> None:
        """Take memberships up as they are now; to be done again if it fails."""
        number = self.models.line().number
        self.memberships.begin(self.models.members(), self._evidence(), now)
        self._taken_up_on, self.broke = number, False

    def listen(self, now: datetime) -> None:
        """Take note of what has happened to models, unless the line is broken."""
        if self.models.line().problem is None:
            self.memberships.apply(self.models.drain_events(), now)

    def _evidence(self) -> list[MembershipEvent]:
        """What was heard; after an outage, of losses only those since."""
        heard, since = self.models.drain_events(), self._there_since
        if not self.broke or since is None:
            return heard
        return [event for event in heard if event.kind not in LOSSES or event.at >= since]
