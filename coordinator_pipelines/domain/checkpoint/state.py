"""What has become of a payout: its state, and which step may follow which.

Add a step here; avoid what it is taken for (``desk``). A state is never stored: it is what the
events of a checkpoint, read in order, come to.
"""

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd


class State(StrEnum):
    """How far a payout is."""

    PENDING = "PENDING"  # computed; nobody is paid without an approval
    SUBMITTED = "SUBMITTED"  # the emission is on its way; there is a transaction
    CLAIMABLE = "CLAIMABLE"  # whoever is paid can fetch it
    PAID = "PAID"


class Step(StrEnum):
    """What an operator does with a payout."""

    APPROVED = "APPROVED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    SUBMITTED = "SUBMITTED"
    CLAIMABLE = "CLAIMABLE"
    PAID = "PAID"
    WITHDRAWN = "WITHDRAWN"


AFTER: dict[Step, tuple[State, ...]] = {
    Step.ACKNOWLEDGED: (State.PENDING,),
    Step.APPROVED: (State.PENDING,),
    Step.SUBMITTED: (State.PENDING,),
    Step.CLAIMABLE: (State.SUBMITTED,),
    Step.PAID: (State.SUBMITTED, State.CLAIMABLE),
    Step.WITHDRAWN: (State.SUBMITTED,),
}
"""Step -> the states in which it may be taken."""
LEADS_TO: dict[Step, State] = {
    Step.SUBMITTED: State.SUBMITTED,
    Step.CLAIMABLE: State.CLAIMABLE,
    Step.PAID: State.PAID,
    Step.WITHDRAWN: State.PENDING,
}
"""Step -> the state that it leads to; the others change none."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the events of one checkpoint come to."""

    state: State = State.PENDING
    approved: bool = False
    acknowledged: frozenset[str] = frozenset()
    """The findings that an operator has taken note of."""
    steps: int = 0

    @property
    def in_flight(self) -> bool:
        """Whether money is on its way, or there already."""
        return self.state is not State.PENDING


def progress(events: pd.DataFrame) -> Progress:
    """What the events (CHECKPOINT_EVENT_COLUMNS of one checkpoint, in order) come to."""
    state, approved, acknowledged = State.PENDING, False, set[str]()
    for kind, reference in zip(events["kind"], events["reference"], strict=True):
        step = Step(kind)
        state = LEADS_TO.get(step, state)
        approved = step is Step.APPROVED or (approved and step is not Step.WITHDRAWN)
        if step is Step.ACKNOWLEDGED:
            acknowledged.add(str(reference))
    return Progress(state, approved, frozenset(acknowledged), len(events))


def progress_by_checkpoint(events: pd.DataFrame) -> dict[str, Progress]:
    """Checkpoint id -> what its events come to; only of those that have any."""
    return {str(name): progress(own) for name, own in events.groupby("checkpoint_id", sort=False)}
