"""The door to participants' models: who is asked, what is asked, what may come back.

Add here what every way of calling models shares; avoid putting protocols, processes or
databases here.

One ask covers one or more rounds in order. Live, that is one instant as it comes; in a replay
it is all rounds of a batch window at once, and the models start fresh for each ask.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """What became of one expected cell (one model in one round)."""

    SUCCESS = "SUCCESS"  # answered in time (whether the answer is valid is the validator's word)
    FAILED = "FAILED"  # raised, exited, or answered something that cannot be read
    TIMEOUT = "TIMEOUT"  # did not answer before its deadline
    ABSTAINED = "ABSTAINED"  # answered None: "no prediction this time"
    ABSENT = "ABSENT"  # a member, but not there to be asked (never set up, gone)


UNKNOWN_OWNER = "unknown"
"""The name, and the account, of an owner of whom neither was said."""


@dataclass(frozen=True, slots=True)
class Member:
    """A model that takes part: its identity, and where a replay finds its code."""

    model_id: str
    name: str
    owner: str
    """The owner's display name: it may change, and two owners may have the same."""
    owner_id: str
    """The owner's account: it stays, and is nobody else's."""
    code_hash: str
    """Digest of the model's files; asking a stored cell again needs another one."""
    directory: Path | None = None
    """Directory with ``main.py``; None for a model that is only reachable remotely."""
    reviewed: bool = False
    """Whether the operator vouches for its code: it may run where no sandbox can be had."""


@dataclass(frozen=True, slots=True)
class Call:
    """One ``predict`` call: its arguments, as plain JSON values, and the cell it fills."""

    prediction_config_id: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """One instant at which models are asked: the new data, then one call per config due."""

    performed_at: datetime
    ticks: tuple[Any, ...]
    """JSON values for ``tick``, in order; none when nothing is new since the previous question."""
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one ask; seconds, and bytes of JSON."""

    call_timeout_seconds: float
    setup_timeout_seconds: float
    output_bytes: int
    restarts_per_ask: int
    """How often a model that hung or died is started again before its remaining cells fail."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of the members: history first, then the questions in order."""

    name: str
    """Names the ask in logs and seeds the models' random generators."""
    history: tuple[Any, ...] | None
    """JSON values of the ticks that precede everything else; None: nobody needs them. They reach
    up to the first question: a model that is given them is not given that question's own."""
    questions: tuple[Question, ...]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one cell. Untrusted: the text is size-checked and nothing more."""

    model_id: str
    prediction_config_id: str
    performed_at: datetime
    outcome: Outcome
    output: str | None
    """JSON text of what the model returned (may hold NaN); None unless SUCCESS."""
    reason: str | None
    """Why it is not SUCCESS, at most 500 characters; None for SUCCESS."""
    exec_time_ms: float | None
    """Time from the call to its answer in milliseconds; None where no answer came."""
    ours: bool = False
    """Whether the reason is the coordinator's own, and says nothing of the model."""


class Models(ABC):
    """Asks members. Every cell of an ask gets exactly one answer, whatever the models do."""

    @abstractmethod
    def ask_each(
        self, asks: Iterable[tuple[Ask, Sequence[Member]]]
    ) -> Iterator[tuple[Ask, list[Answer]]]:
        """Put each ask to its members; yield the answers in the order of the asks.

        An implementation may work ahead of the consumer by a few asks. Answers are ordered by
        member (as given), then question, then call. A model's exception, hang, exit or rubbish
        costs only its own cells.
        """


class EventKind(StrEnum):
    """What happened to a model that comes and goes by itself."""

    JOINED = "JOINED"  # connected and set up; also a new deployment of a known model
    LEFT = "LEFT"  # announced: the orchestrator stopped it, or lists it no longer
    VANISHED = "VANISHED"  # unannounced: the connection is lost; it may be back
    FAILED = "FAILED"  # could not be joined, or was given up and reported to the orchestrator


@dataclass(frozen=True, slots=True)
class MembershipEvent:
    """One thing that happened to one model, at the instant when it was noticed."""

    kind: EventKind
    member: Member
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The line to the host of the models, which says which there are."""

    problem: str | None = None
    """Why it is broken; None while the host is there and has said which models there are."""
    number: int = 1
    """How often it has been made. What was lost since an earlier one is no model's own doing."""


class LiveModels(Models, AbstractContextManager["LiveModels"]):
    """Models that come and go by themselves, each a process of its own that remembers.

    A member's ``code_hash`` names its deployment. Entering connects, leaving disconnects; the
    processes are not ours.
    """

    @abstractmethod
    def wait_until_settled(self, seconds: float) -> bool:
        """Wait, at most so long, until it is known which models there are; whether it is."""

    @abstractmethod
    def line(self) -> Line:
        """How the line to the host is now."""

    @abstractmethod
    def members(self) -> list[Member]:
        """The models that can be asked now, by id."""

    @abstractmethod
    def drain_events(self) -> list[MembershipEvent]:
        """What happened to models since the last time, in order."""

    @abstractmethod
    def resume(self, deployments: Collection[str]) -> None:
        """Say which deployments were told all data up to the next ask's ticks already.

        Each counts once: one that loses its connection and comes back is told its history.
        """

    @abstractmethod
    def needing_history(self) -> set[str]:
        """Ids of connected models that must be told the history when they are asked next."""
