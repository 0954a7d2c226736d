"""A process that writes to a ledger, for tests of crashes, crowds and time zones.

python writer.py URL crash     writes one large batch after another until it is killed
python writer.py URL crowd     writes the same batches as every other such process
python writer.py URL zone      writes and reads back in the local time zone that TZ says
"""

import os
import sys
from collections.abc import Callable

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.storage.examples import HOUR, MODELS, START, at, predictions, records, rounds, scores

BATCH_MINUTES = 3_000
BATCH_ROWS = BATCH_MINUTES * len(MODELS)


def main() -> None:
    """Do what the second argument says; report on standard output."""
    url, work = sys.argv[1:]
    ledger = SqlLedger(url)
    WORK[work](ledger)
    ledger.close()


def crash(ledger: Ledger) -> None:
    """Announce a batch, write it, and so on."""
    for number in range(100):
        minutes = range(number * BATCH_MINUTES, (number + 1) * BATCH_MINUTES)
        batch = rounds(minutes), predictions(minutes)
        _say(f"writing {number}")
        ledger.add_prediction_batch(*batch)


def crowd(ledger: Ledger) -> None:
    """Say how much was really added."""
    added = 0
    for number in range(20):
        minutes = range(number * 20, number * 20 + 20)
        added += ledger.add_prediction_batch(rounds(minutes), predictions(minutes)).added
        added += ledger.add_scores(scores(minutes)).added
        added += ledger.add_feed_records(records(minutes), publication_delay=0.0, now=at(0)).added
    _say(str(added))


def zone(ledger: Ledger) -> None:
    """Print what comes back."""
    ledger.add_prediction_batch(rounds([0, 70]), predictions([0, 70]))
    ledger.add_scores(scores([0, 70]))
    window = (Mode.REPLAY, START, START + 3 * HOUR)
    read = (
        ledger.memberships(Mode.REPLAY),
        ledger.rounds(*window),
        ledger.predictions(*window),
        ledger.scores(*window),
        ledger.score_statistics(*window),
    )
    _say("\n".join(frame.to_csv() for frame in read))


def claim(ledger: Ledger) -> None:
    """Say which rounds it got; others want the same, in another order."""
    run_id = f"run-{os.getpid()}"
    for minute in range(60):
        configs = ["a", "b", "c"] if os.getpid() % 2 else ["c", "b", "a"]
        claimed = ledger.claim_rounds(configs, at(minute), run_id, at(minute))
        _say(" ".join(f"{config}-{minute}" for config in claimed))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


WORK: dict[str, Callable[[Ledger], None]] = {
    "crash": crash,
    "crowd": crowd,
    "zone": zone,
    "claim": claim,
}

if __name__ == "__main__":
    main()
