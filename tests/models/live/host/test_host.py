"""The real host with the real published runner: sandbox, restarts, redeploys, and the end."""

import json
import os
import time

import pytest

from coordinator_pipelines.domain.models import EventKind, Limits, Outcome
from coordinator_pipelines.models.host.isolation import Tier, strongest_tier
from tests.models.live.conftest import eventually

pytestmark = pytest.mark.slow

LOOK_AROUND = """
import os, socket
def reach(path):
    try:
        return bool(os.listdir(path)) if os.path.isdir(path) else bool(open(path).read(1))
    except OSError as error:
        return type(error).__name__
def write(path):
    try:
        open(path, "w").write("x")
        return True
    except OSError:
        return False
def connect():
    try:
        socket.create_connection(("1.1.1.1", 53), 0.5)
        return True
    except OSError:
        return False
return {
    "uid": os.getuid(), "hosts": reach("/etc/hosts"), "secret": reach(SECRET),
    "code": write("/model/main.py"), "resources": write("/model/resources/x"),
    "network": connect(), "environment": sorted(os.environ),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
}
"""


def test_the_models_are_isolated_where_the_machine_allows(host, environment):
    tier = strongest_tier(environment)
    if tier is Tier.TRUSTED:
        required = "bubblewrap" in os.environ.get("COORDINATOR_TEST_REQUIRE", "")
        (pytest.fail if required else pytest.skip)("bubblewrap does not work here")
    secret = host.directory / "secret"
    secret.write_text("secret")
    host.write("spy", LOOK_AROUND.replace("SECRET", repr(str(secret))))
    host.up().connect()
    assert f"Models run {tier.value}" in host.log.read_text()
    host.joined("spy")
    seen = json.loads(host.ask()["spy"].output)
    uid = seen.pop("uid")
    assert (uid == os.getuid()) == (os.getuid() != 0 or tier is Tier.SANDBOX_SAME_USER)
    assert seen.pop("environment") == sorted([
        "HOME", "LANG", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH",
        "PWD", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED", "TMPDIR", "TZ",
    ])  # fmt: skip
    assert seen.pop("processes") <= 3
    assert seen == {
        "hosts": "FileNotFoundError", "secret": "FileNotFoundError", "code": False,
        "resources": True, "network": False,
    }  # fmt: skip


def test_a_traceback_can_be_read_and_who_never_sets_up_stops_nobody(host):
    host.write("good")
    host.write("raises", "raise ValueError('what went wrong')")
    host.write("broken", main="import nothing_of_that_name\n")
    host.up().connect()
    host.joined("good", "raises")
    answers = host.ask()
    assert answers["good"].output == '{"p_up": 0.5}'
    assert "what went wrong" in answers["raises"].reason
    assert "ValueError: what went wrong" in host.get("/models/logs/runner/raises")
    eventually(lambda: host.status("broken") == "RUNNER_FAILED")
    assert "No Inherited class" in host.rows()["broken"]["statusMessage"]
    assert host.rows()["good"]["status"] == "RUNNER_RUNNING"
    assert host.rows()["good"]["desired_state"] == "RUNNING"


def test_changed_files_are_redeployed_without_a_gap(host):
    host.write("model", "return 'old'")
    host.up().connect()
    host.joined("model")
    before = host.deployment("model")
    host.write("model", "return 'new'")
    while host.deployment("model") == before:
        assert host.ask()["model"].outcome is Outcome.SUCCESS
        time.sleep(0.02)
    eventually(lambda: host.deployment("model") is not None)
    assert host.ask()["model"].output == '"new"'
    host.write("model", main="this is no Python")
    eventually(lambda: host.rows()["model"]["statusMessage"])
    assert host.ask()["model"].output == '"new"'


def test_a_model_that_exits_is_restarted_as_a_new_deployment(host):
    host.write("exits", "import os; os._exit(3)")
    host.up().connect()
    host.joined("exits")
    before = host.deployment("exits")
    assert host.ask()["exits"].outcome is not Outcome.SUCCESS
    eventually(lambda: host.deployment("exits") not in (None, before))
    kinds = {event.kind for event in host.live.drain_events()}
    assert kinds == {EventKind.JOINED, EventKind.VANISHED}


def test_a_model_that_hangs_is_reported_and_stopped_until_its_files_change(host):
    host.write("hangs", "import time; time.sleep(1000)")
    host.write("good")
    host.up().connect()
    host.joined("hangs", "good")
    for _ in range(3):
        answers = host.ask(Limits(0.3, 10.0, 65536, 3))
        assert answers["hangs"].outcome is Outcome.TIMEOUT
        assert answers["good"].outcome is Outcome.SUCCESS
    eventually(lambda: host.rows()["hangs"]["desired_state"] == "STOPPED")
    assert "MULTIPLE_TIMEOUT" in host.rows()["hangs"]["statusMessage"]
    host.write("hangs", "return 'awake'")
    host.joined("hangs")
    assert host.ask()["hangs"].output == '"awake"'
