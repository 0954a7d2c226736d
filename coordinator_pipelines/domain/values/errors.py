"""Every error the project raises on purpose.

Add a class here when a caller must be able to tell one failure from another; avoid putting
messages of one place here: a message belongs where the value that caused it is known.

    CoordinatorError             anything an operator, author or participant can mend
        SpecError                the challenge spec is wrong; the message names the field
        CallableError            one of the ten callables cannot be used; the message names the key
        RosterError              models.yaml is wrong; the message names the entry
        FeedError                market data cannot be had
            FeedConfigurationError   ... because of a setting (path, symbol, key), never "no data"
            FeedDataError            ... because the data is broken; the message lists the rows
            FeedUnavailableError     ... for now: the same request may succeed later
        LedgerError              the database cannot be used as it is
            LedgerIdentityError      ... it belongs to another challenge or feed
            LedgerSchemaError        ... its schema is not the one this version needs
            LedgerUnavailableError   ... for now: the connection is lost, the server is restarting
        ReplayError              a past window cannot be replayed
        CaptureError             live rounds could not be captured
        RoundError               a round cannot be opened or resolved as the operator wants it
            TableError           ... because of its table; the message names row and column
        CheckpointError          a checkpoint cannot be computed yet, or paid so
        EvidenceError            a signing key, or a name for one, cannot be used
        AlertError               people could not be told, or there is nothing to take note of
        RunnerError              the published model runner cannot be had
        ScaffoldError            a new challenge cannot be written where it should be
"""

from datetime import datetime


class CoordinatorError(Exception):
    """Base of every deliberate error: its text says what happened, where, and what to do."""


class SpecError(CoordinatorError):
    """The challenge spec is wrong; the message names the field and the value."""


class CallableError(CoordinatorError):
    """A configured callable is missing, not callable, or has the wrong parameters."""


class RosterError(CoordinatorError):
    """The models file is wrong; the message names the entry."""


class FeedError(CoordinatorError):
    """Market data cannot be had."""


class FeedConfigurationError(FeedError):
    """A setting of the feed is wrong: this is never the same as "no data"."""


class FeedDataError(FeedError):
    """The feed's data is broken; nothing of it was used."""


class FeedUnavailableError(FeedError):
    """A vendor does not answer, or wants not to be asked, for now: trying later may help.

    ``not_before``: the instant before which asking again is useless or harmful, if there is one.
    """

    def __init__(self, text: str, not_before: datetime | None = None) -> None:
        super().__init__(text)
        self.not_before = not_before


class LedgerError(CoordinatorError):
    """The database of the challenge cannot be used as it is."""


class LedgerIdentityError(LedgerError):
    """The database belongs to another challenge or another feed."""


class LedgerSchemaError(LedgerError):
    """The database has no schema, or not the one that this version needs."""


class LedgerUnavailableError(LedgerError):
    """The database does not answer for now: the same call may succeed later.

    Whether a transaction that was being committed then took place is not known. Writes skip what
    is stored, so the same write can be made again.
    """


class ReplayError(CoordinatorError):
    """A past window cannot be replayed; the message names the window and the reason."""


class CaptureError(CoordinatorError):
    """Live rounds could not be captured; the message says what stood in the way."""


class RoundError(CoordinatorError):
    """A round cannot be opened or resolved so; the message says what the round is."""


class TableError(RoundError):
    """A table of features, answers or true values is wrong; the message names row and column."""


class CheckpointError(CoordinatorError):
    """A checkpoint cannot be computed yet, or a step of its payout is not allowed."""


class SeasonError(CoordinatorError):
    """A season is closed, or a step of it is not allowed; the message says what to do."""


class EvidenceError(CoordinatorError):
    """A signing key, or the name of one, cannot be used; no message repeats a key."""


class AlertError(CoordinatorError):
    """People could not be told, or there is nothing to take note of; no message has an address."""


class RunnerError(CoordinatorError):
    """The published model runner cannot be had; the message says what to do."""


class ScaffoldError(CoordinatorError):
    """A new challenge cannot be written where it should be; what was there is still there."""
