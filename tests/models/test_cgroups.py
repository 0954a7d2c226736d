"""Limits of the kernel: on a tree that looks like its own and, where it allows that, on its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator_pipelines.models import cgroups
from coordinator_pipelines.models.cgroups import NEEDED, CgroupError, Cgroups
from coordinator_pipelines.models.isolation import LAUNCH
from tests.support.kernel import Kernel

HOLD = "held = bytearray(b'x') * (200 << 20)"
FORK = "import os, time\nfor _ in range(20): os.fork() or time.sleep(60)"


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def refusal(kernel: Kernel, **tell: str) -> str:
    with pytest.raises(CgroupError) as raised:
        Cgroups(kernel.tell(**tell))
    return str(raised.value)


def test_without_cgroup_v2_the_reason_is_told(kernel: Kernel):
    kernel.mounts = ""
    assert refusal(kernel) == "this system has no cgroup v2"


@pytest.mark.parametrize("missing", NEEDED)
def test_what_the_kernel_does_not_limit_is_named(kernel: Kernel, missing: str):
    rest = " ".join(set(NEEDED) - {missing})
    for name in ("cgroup.controllers", "cgroup.subtree_control"):
        (kernel.top / "user.slice" / name).write_text(f"cpu {rest}")
    assert refusal(kernel) == f"cgroup v2 does not limit {missing} here"
    assert sorted(each.name for each in (kernel.top / "user.slice").glob("*/")) == ["session"]


def test_a_process_that_is_seen_at_the_top_has_its_models_below_it(kernel: Kernel):
    (kernel.top / f"coordinator-models-{os.getpid()}").mkdir()
    assert "File exists" in refusal(kernel, own="/")


def test_a_model_is_limited_and_its_processes_join_before_anything_else(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cgroups, "GONE_SECONDS", 0.0)
    group = Cgroups(kernel.tell()).make("7", 1 << 28, 72)
    assert group.path.is_relative_to(kernel.top / "user.slice")
    assert not group.path.is_relative_to(kernel.top / "user.slice/session")
    told = {each.name: each.read_text() for each in group.path.iterdir()}
    assert told == {
        "memory.max": str(1 << 28), "memory.swap.max": "0", "memory.oom.group": "1",
        "pids.max": "72",
    }  # fmt: skip
    order = {"cgroup": str(group.path), "argv": ["/bin/true"]}
    subprocess.run([sys.executable, "-I", "-S", str(LAUNCH), json.dumps(order)], check=True)
    assert (group.path / "cgroup.procs").read_text() == "0"
    for events, ran_out in (("oom 3\noom_kill 0\n", False), ("oom 3\noom_kill 2\n", True)):
        (group.path / "memory.events").write_text(events)
        assert group.ran_out_of_memory() is ran_out


@pytest.fixture
def own() -> Cgroups:
    """Cgroups of this machine."""
    try:
        return Cgroups()
    except CgroupError as error:
        required = "cgroups" in os.environ.get("COORDINATOR_TEST_REQUIRE", "")
        (pytest.fail if required else pytest.skip)(str(error))


@pytest.mark.parametrize(("code", "ran_out"), [(HOLD, True), (FORK, False)])
def test_the_kernel_ends_who_holds_too_much_and_lets_nobody_fork_without_end(
    own: Cgroups, code: str, ran_out: bool
):
    group = own.make("model", 100 << 20, 10)
    order = json.dumps({"cgroup": str(group.path), "argv": [sys.executable, "-c", code]})
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCH), order],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode
    assert group.ran_out_of_memory() is ran_out
    group.end()
    assert not group.path.exists()
    own.close()
