"""What ``doctor`` finds of replays: one answer, whatever else it looks at."""

from typing import Any

import pytest
import yaml

from coordinator_pipelines.scaffold.checkup import examine
from coordinator_pipelines.scaffold.creation import Created
from coordinator_pipelines.spec_file import load_challenge
from tests.scaffold.conftest import Make, importable

OWN_IO = {"RAW_INPUT_PROVIDER": "tests.support.author:provide_own_input"}
FEED = {"provider": "simulated", "seed": 1, "subjects": {"BTC": "BTCUSDT"},
        "granularity_seconds": 60, "staleness_limit_seconds": 180}  # fmt: skip


def replays(created: Created, **changes: Any) -> str:
    """The finding about replays, with other fields in the spec."""
    path = created.node / "spec.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    with importable(created):
        found = {each.subject: each for each in examine(load_challenge(path))}
    assert "replay" not in found["callables"].text
    return f"{'wrong' if found['replays'].wrong else 'ok'}: {found['replays'].text}"


@pytest.mark.parametrize(
    ("allowed", "own_io", "delay", "said"),
    [
        (True, False, 2.0, "ok: possible"),
        (False, False, 0.0, "ok: not allowed"),
        (False, True, 0.0, "ok: not allowed, nor possible: RAW_INPUT_PROVIDER does its own I/O"),
        (True, True, 2.0, "wrong: every replay is refused, since RAW_INPUT_PROVIDER does its own"),
        (True, False, 0.0, "ok: possible, but feed.publication_delay_seconds is 0: a replayed mo"),
    ],
)
def test_replays_are_possible_or_not(
    make: Make, allowed: bool, own_io: bool, delay: float, said: str
):
    created = make()
    spec = yaml.safe_load((created.node / "spec.yaml").read_text())
    callables = {**spec["callables"], **(OWN_IO if own_io else {})}
    feed = {**FEED, "publication_delay_seconds": delay}
    found = replays(created, replay_allowed=allowed, callables=callables, feed=feed)
    assert found == said if said == "ok: possible" else found.startswith(said)
