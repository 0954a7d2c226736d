"""The code location of a challenge: what Dagster is told, and what loading it leaves alone."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from coordinator_pipelines.automation import CHECKPOINT, stages
from coordinator_pipelines.definitions import build_definitions
from coordinator_pipelines.domain.health.concerns import SIGNS as VITAL_SIGNS
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import CallableError, SpecError
from coordinator_pipelines.partitions import checkpoint_periods
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.starter import tracker
from coordinator_pipelines.starter.definitions import defs as starter_definitions
from tests.specs import changed
from tests.support.challenges import small_challenge

ROOT = Path(__file__).parents[1]
STARTER_SPEC = Path(tracker.__file__).with_name("spec.yaml")
AFTER = {
    "feed_records": set(),
    "prediction_batch": {"feed_records"},
    "ground_truth": {"feed_records", "prediction_batch"},
    "scores": {"prediction_batch", "ground_truth"},
    "model_scores": {"scores"},
    "leaderboard": {"model_scores"},
    "checkpoint": {"leaderboard"},
}
CHECKS = {
    "feed_records": {"feed_gaps"},
    "prediction_batch": {"coverage"},
    "ground_truth": {"truth_finality"},
    "scores": {"score_completeness"},
    "model_scores": {"all_members"},
    "leaderboard": {"consistency"},
    "checkpoint": {"payout"},
}
STAGES = stages(load_challenge(STARTER_SPEC))
ASSETS = (*STAGES, *CHECKPOINT)
KINDS = {
    "feed_records": "source",
    "prediction_batch": "inference",
    "ground_truth": "labels",
    "scores": "evaluation",
    "model_scores": "aggregation",
    "leaderboard": "report",
    "checkpoint": "payout",
}
SPY = """
import json, os, sqlite3, sys

touched = []

def hook(event, args):
    if event.startswith(("socket.connect", "socket.bind", "sqlite3.connect")):
        touched.append([event, str(args)])
    if event == "open":
        written = isinstance(args[1], str) and set(args[1]) & set("wax+")
        if written or str(args[0]).endswith((".db", ".csv", ".gz", "models.yaml")):
            touched.append([event, str(args[:2])])

class Spied(type(os.environ)):
    def __getitem__(self, name):
        if name.startswith(("COORDINATOR", "DAGSTER_HOME")):
            touched.append(["environment", name])
        return super().__getitem__(name)

sys.dont_write_bytecode = True
sys.addaudithook(hook)
os.environ.__class__ = Spied
from coordinator_pipelines.starter.definitions import defs
assets = len(defs.resolve_asset_graph().get_all_asset_keys())
at_load = list(touched)
from coordinator_pipelines import settings
sqlite3.connect(":memory:").close()
settings.database_url("x")
print(json.dumps({"assets": assets, "at_load": at_load, "noticed": len(touched)}))
"""


@pytest.fixture(scope="module")
def graph():
    return starter_definitions.resolve_asset_graph()


def key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["btc_up_down", name])


def test_the_starter_has_one_asset_per_stage(graph):
    assert graph.get_all_asset_keys() == {key(name) for name in ASSETS}


@pytest.mark.parametrize("name", STAGES)
def test_an_asset_depends_on_the_stages_before_it_window_by_window(graph, name):
    node = graph.get(key(name))
    assert node.parent_keys == {key(parent) for parent in AFTER[name]}
    for parent in node.parent_keys:
        mapping = node.partition_mappings.get(parent)
        assert isinstance(mapping, dg.IdentityPartitionMapping)
    assert node.backfill_policy == dg.BackfillPolicy.single_run()


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_says_what_it_is_and_what_it_holds(graph, name):
    node = graph.get(key(name))
    assert node.group_name == f"btc_up_down{'_payouts' if name in CHECKPOINT else ''}"
    assert node.owners == []
    assert node.kinds == {KINDS[name]}
    assert len(node.description) > 80
    assert node.description.endswith(".")
    assert "SIMULATED" in node.metadata["feed"]
    assert "the close of the bar that ends at T" in node.metadata["truth"]
    assert "every 60 s" in node.metadata["rounds"].value


@pytest.mark.parametrize("name", STAGES)
def test_partitions_are_the_batch_windows(graph, name):
    partitions = graph.get(key(name)).partitions_def
    assert isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    assert partitions.get_first_partition_key() == "2026-11-01-00:00"
    assert partitions.timezone == "UTC"
    window = partitions.time_window_for_partition_key("2026-11-01-05:00")
    assert (window.end - window.start).total_seconds() == 3600


@pytest.mark.parametrize(
    ("seconds", "first", "hours"),
    [
        (3600, "2026-11-01-00:00", 1),
        (86400, "2026-11-01-00:00", 24),
        (None, "2026-10-29-00:00", 168),
    ],
)
def test_checkpoint_periods_are_counted_from_the_epoch_and_hold_the_start(seconds, first, hours):
    spec = changed({"checkpoint_interval_seconds": seconds} if seconds else {})
    partitions = checkpoint_periods(checked_challenge(spec))
    assert partitions.get_first_partition_key() == first
    period = partitions.time_window_for_partition_key(first)
    assert (period.end - period.start).total_seconds() == 3600 * hours


def test_the_vital_signs_are_checks_without_a_partition(graph):
    for name, (asset, _) in VITAL_SIGNS.items():
        [check] = [c for c in graph.get_check_keys_for_assets({key(asset)}) if c.name == name]
        assert graph.get(check).partitions_def is None
        assert graph.get_check_spec(check).description


@pytest.mark.parametrize("name", ASSETS)
def test_every_check_is_evaluated_per_window_and_explained(graph, name):
    checks = graph.get_check_keys_for_assets({key(name)})
    checks = {check for check in checks if check.name not in VITAL_SIGNS}
    assert {check.name for check in checks} == CHECKS[name]
    for check in checks:
        assert graph.get(check).partitions_def == graph.get(key(name)).partitions_def
        assert graph.get_check_spec(check).description


def test_there_is_a_job_for_everything_and_one_for_the_boards():
    jobs = {job.name: job for job in starter_definitions.resolve_all_job_defs()}
    replay = jobs["btc_up_down_replay"].asset_layer.executable_asset_keys
    assert replay == {key(name) for name in STAGES}
    boards = jobs["btc_up_down_refresh_boards"].asset_layer.executable_asset_keys
    assert boards == {key("model_scores"), key("leaderboard")}


@pytest.mark.parametrize(("window", "minutes"), [("15m", 15), ("1h", 60), ("1d", 1440)])
def test_partition_keys_follow_the_batch_window(tmp_path, window, minutes):
    start = "2025-01-01T00:00:00Z"
    challenge = small_challenge(tmp_path, batch_window=window, start=start)
    graph = build_definitions(challenge).resolve_asset_graph()
    partitions = graph.get(dg.AssetKey(["small", "scores"])).partitions_def
    first = partitions.time_window_for_partition_key("2025-01-01-00:00")
    assert (first.end - first.start).total_seconds() == 60 * minutes


def test_a_challenge_that_ends_has_no_window_beyond_its_end(tmp_path):
    challenge = small_challenge(tmp_path, end="2025-01-01T03:00:00Z")
    graph = build_definitions(challenge).resolve_asset_graph()
    partitions = graph.get(dg.AssetKey(["small", "scores"])).partitions_def
    assert partitions.get_last_partition_key() == "2025-01-01-02:45"
    [*_, before] = partitions.get_partition_keys(datetime(2025, 1, 1, 2, 14, tzinfo=UTC))
    assert before == "2025-01-01-02:15"  # the open window has a partition, and the next one


def test_the_keys_of_two_challenges_are_disjoint(tmp_path):
    challenges = [small_challenge(tmp_path, name=name) for name in ("one-day", "one-day-2")]
    graphs = [build_definitions(challenge).resolve_asset_graph() for challenge in challenges]
    one, other = (graph.get_all_asset_keys() | graph.asset_check_keys for graph in graphs)
    assert len(one) == len(other) == 23
    assert not one & other


def test_loading_the_location_opens_nothing_and_reads_no_variable():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SPY],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["assets"] == len(ASSETS)
    assert told["at_load"] == []
    assert told["noticed"] >= 3, "the spy itself must notice a database and variables"


@pytest.mark.parametrize(
    ("called", "path", "complaint"),
    [
        ("SCORING_FUNCTION", "no_such_package.scoring:score", "cannot be imported"),
        ("SCORING_FUNCTION", "tests.support.author:absent", "has no 'absent'"),
        ("SCORING_FUNCTION", "tests.support.author:NOT_CALLABLE", "is not callable"),
        ("SCORING_FUNCTION", "tests.support.author:keep", "must start with parameters"),
        ("LEADERBOARD_RANKER", "tests.support.author:aggregate", "must start with parameters"),
        ("GROUND_TRUTH_RESOLVER", "tests.support.author:keep", "must start with parameters"),
    ],
)
def test_a_callable_that_cannot_be_used_is_refused_at_load_by_name(
    tmp_path, called, path, complaint
):
    challenge = small_challenge(tmp_path, **{f"callables__{called}": path})
    with pytest.raises(CallableError) as refused:
        build_definitions(challenge)
    assert str(refused.value).startswith(f"{called}: ")
    assert path in str(refused.value)
    assert complaint in str(refused.value)


def test_a_broken_spec_is_refused_at_load_by_its_field(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(STARTER_SPEC.read_text().replace("batch_window: 1h", "batch_window: 2h"))
    with pytest.raises(SpecError, match="batch_window"):
        load_challenge(spec)
