"""Replayed models are kept in as live ones are, and refused where nothing keeps them in."""

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from coordinator_pipelines.domain.values.errors import ReplayError
from coordinator_pipelines.models.cgroups import CgroupError, Cgroups
from coordinator_pipelines.models.isolation import Tier
from coordinator_pipelines.models.replay.lodgings import tier_here
from coordinator_pipelines.models.replay.replay_models import ReplayModels
from coordinator_pipelines.models.roster import Supplies
from tests.conftest import miss
from tests.models.replay.conftest import LIMITS, OPEN, build_ask
from tests.support.intruder import PROBES
from tests.support.kernel import Kernel
from tests.support.wheel import pack_wheel

CLOSED = dataclasses.replace(OPEN, trust=False, tier=None)
BARE = dataclasses.replace(OPEN, trust=False)
LOOK_AROUND = (
    PROBES
    + """
def environments():
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found[name] = open(f"/proc/{name}/environ").read()
            except OSError:
                pass
    return "".join(found.values())
"""
)


@pytest.fixture(scope="module")
def tier():
    """The tier that a replay has here."""
    found = tier_here()
    if not found.isolated:
        miss("bubblewrap", "bubblewrap does not work here")
    return found


@pytest.fixture
def ask_closed(tmp_path, make_ask):
    """Asks models as a replay does on this machine."""

    def asked(*members, lodging=CLOSED, asks=None, **given):
        logs = tmp_path / "logs"
        with ReplayModels(
            base_class="tracker.TrackerBase", lodging=lodging, log_dir=logs, **given
        ) as models:
            found = models.ask_each([(ask, members) for ask in asks or [make_ask()]])
            return [answer for _, answers in found for answer in answers]

    return asked


@pytest.mark.usefixtures("tier")
def test_a_model_sees_its_own_files_and_nothing_else(
    ask_closed, write_model, tmp_path, monkeypatch
):
    monkeypatch.setenv("COORDINATOR_DATABASE_URL", "postgresql://operator:hunter2@db/ledger")
    rival = write_model("rival").directory / "main.py"
    (tmp_path / "ledger.db").write_text("answers")
    predict = f"""
    return {{
        "rival": reach({str(rival)!r}), "write rival": write({str(rival)!r}),
        "database": reach({str(tmp_path / "ledger.db")!r}), "root": reach("/root/.bashrc"),
        "hosts": reach("/etc/hosts"), "source": write("/model/main.py"), "network": connect(),
        "tmp": write("/tmp/x"), "resources": write("/model/resources/x"),
        "secret": "hunter2" in environments() or "COORDINATOR" in environments(),
        "host": os.path.exists("/proc/{os.getpid()}/environ"),
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
    }}
    """
    answers = ask_closed(write_model("spy", before=LOOK_AROUND, predict=predict))
    seen = json.loads(answers[0].output)
    assert seen.pop("processes") <= 4
    assert seen.pop("host") in (False, os.getpid() < 10)
    missing = "FileNotFoundError"
    assert seen == {
        "rival": missing, "write rival": False, "database": missing, "root": missing,
        "hosts": missing, "source": False, "network": False, "tmp": True, "resources": True,
        "secret": False,
    }  # fmt: skip


@pytest.mark.usefixtures("tier")
def test_nothing_on_disk_crosses_asks_and_what_the_import_left_stays(
    ask_closed, write_model, make_ask
):
    before = """
    os.makedirs("/tmp/cache")
    open("/tmp/cache/weights", "w").write("imported")
    """
    predict = """
    found = []
    for place in ("/tmp", "/dev/shm", "resources"):
        found += sorted({"cache", "left", "brought"} & set(os.listdir(place)))
        open(place + "/left", "w").write("x")
    found += [open("/tmp/cache/weights").read(), open("resources/brought").read()]
    for path in ("/tmp/cache/weights", "resources/brought"):
        open(path, "w").write("changed")
    os.makedirs("/tmp/" + "/".join("d" * 900))
    return found
    """
    model = write_model(before=before, predict=predict)
    (model.directory / "resources").mkdir()
    (model.directory / "resources" / "brought").write_text("by the model")
    answers = ask_closed(model, asks=[make_ask(str(n), rounds=1) for n in range(3)])
    found = [json.loads(answer.output) if answer.output else answer.reason for answer in answers]
    assert found == [["cache", "brought", "imported", "by the model"]] * 3
    assert (model.directory / "resources" / "brought").read_text() == "by the model"


@pytest.mark.usefixtures("tier")
@pytest.mark.parametrize(
    ("predict", "outcomes", "reason"),
    [
        ("if k == 1: time.sleep(60)\nreturn k", ["SUCCESS", "TIMEOUT", "SUCCESS"], "longer"),
        (
            "if k == 1: os.kill(os.getpid(), 9)\nreturn k",
            ["SUCCESS", "FAILED", "SUCCESS"],
            "SIGKILL",
        ),
        ("if k == 1: os._exit(3)\nreturn k", ["SUCCESS", "FAILED", "SUCCESS"], "3"),
        ("if k == 1: os.kill(os.getppid(), 9)\nreturn k", ["SUCCESS"], ""),
        ("if k == 1: os.kill(-1, 9)\nreturn k", ["SUCCESS"], ""),
    ],
)
def test_a_model_that_hangs_or_dies_costs_its_own_cells(
    ask_closed, write_model, predict, outcomes, reason
):
    hostile = write_model("hostile", predict=predict)
    answers = ask_closed(hostile, write_model("good"))
    assert [each.outcome.value for each in answers[: len(outcomes)]] == outcomes
    assert reason in (answers[1].reason or "")
    assert [each.outcome.value for each in answers[3:]] == ["SUCCESS"] * 3


@pytest.mark.usefixtures("tier")
def test_when_a_replay_ends_nothing_of_it_is_left(ask_closed, write_model, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    mark = f"sleep-of-{tmp_path.name}"
    before = "import sys\nSLEEP = [sys.executable, '-c', 'import time; time.sleep(600)', MARK]"
    predict = "subprocess.Popen(SLEEP, start_new_session=True)\nreturn k"
    ask_closed(write_model(before=before.replace("MARK", repr(mark)), predict=predict))
    deadline = time.monotonic() + 60
    while left := [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark in _text(path)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def _text(path):
    try:
        return path.read_text()
    except OSError:
        return ""


def test_without_a_sandbox_only_what_was_reviewed_is_run(ask_closed, write_model):
    model = write_model("stranger")
    with pytest.raises(ReplayError, match=r"model stranger is not run\. No sandbox works here"):
        ask_closed(model, lodging=BARE)
    reviewed = dataclasses.replace(model, reviewed=True)
    assert [each.outcome.value for each in ask_closed(reviewed, lodging=BARE)] == ["SUCCESS"] * 3
    assert [each.outcome.value for each in ask_closed(model, lodging=OPEN)] == ["SUCCESS"] * 3


def test_the_replay_says_how_far_models_are_isolated(ask_closed, write_model):
    said = []
    ask_closed(write_model(), lodging=dataclasses.replace(CLOSED, trust=True, say=said.append))
    assert said[0] == f"Models run {tier_here().value}"
    assert "coordinator models install" in said[1]
    trusted = []
    ask_closed(write_model("b"), lodging=dataclasses.replace(OPEN, say=trusted.append))
    assert trusted[0] == f"Models run {Tier.TRUSTED.value}"


def test_a_link_or_a_pipe_among_the_files_makes_the_model_absent(ask_closed, write_model):
    linked, piped = write_model("linked"), write_model("piped")
    (linked.directory / "requirements.txt").symlink_to("/etc/passwd")
    os.mkfifo(piped.directory / "requirements.txt")
    answers = ask_closed(linked, piped, write_model("good"), lodging=OPEN)
    assert [each.outcome.value for each in answers] == ["ABSENT"] * 6 + ["SUCCESS"] * 3
    assert answers[0].reason.startswith("its files cannot be used: requirements.txt is a link")


def test_requirements_that_are_refused_make_the_model_absent(ask_closed, write_model):
    model = write_model()
    (model.directory / "requirements.txt").write_text("-e .\n")
    said = []
    answers = ask_closed(model, lodging=dataclasses.replace(OPEN, say=said.append))
    assert {each.outcome.value for each in answers} == {"ABSENT"}
    assert answers[0].reason.startswith("requirements.txt: line 1 is not accepted")
    assert said[-1].startswith("Model model is absent: requirements.txt: line 1")


@pytest.mark.slow
@pytest.mark.parametrize("common", [(), ("toy",)])
def test_what_models_require_is_installed_as_the_model_host_does(
    ask_closed, write_model, model_runner, tmp_path, monkeypatch, common
):
    pack_wheel(tmp_path, "toy", {"toy/__init__.py": "FOUND = 'as live'\n"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    model = write_model(before="import river\nimport toy", predict="return toy.FOUND")
    if not common:
        (model.directory / "requirements.txt").write_text("toy==1.0\n")
    lodging = dataclasses.replace(
        CLOSED, trust=True, home=tmp_path / "home", runner=str(model_runner.python)
    )
    patient = dataclasses.replace(LIMITS, setup_timeout_seconds=60.0)
    answers = ask_closed(
        model, lodging=lodging, asks=[build_ask(limits=patient)],
        supplies=lambda: Supplies(requirements=common),
    )  # fmt: skip
    assert [each.output for each in answers] == ['"as live"'] * 3, answers[0].reason


def test_the_kernel_holds_each_replayed_model_to_its_limits_where_it_can(
    tmp_path, write_model, monkeypatch
):
    monkeypatch.setattr("coordinator_pipelines.models.cgroups.GONE_SECONDS", 0.0)  # files stay
    kernel, said = Kernel(tmp_path), []
    rules = dataclasses.replace(
        OPEN, say=said.append, cgroups=lambda: Cgroups(kernel.tell()), memory_bytes=3 << 30
    )
    members = [write_model("a"), write_model("b")]
    with ReplayModels(
        base_class="tracker.TrackerBase", log_dir=tmp_path / "logs", lodging=rules
    ) as models:
        [(_, answers)] = models.ask_each([(build_ask(), members)])
    assert {answer.outcome for answer in answers} == {"SUCCESS"}
    groups = sorted(kernel.top.glob("user.slice/coordinator-models-*/[0-9]*"))
    assert len(groups) == len(members)
    for group in groups:
        told = {name: (group / name).read_text() for name in ("memory.max", "pids.max")}
        assert told == {"memory.max": str(3 << 30), "pids.max": "72"}
        assert (group / "cgroup.procs").read_text() == "0"  # joined before anything of the model
        assert (group / "cgroup.kill").read_text() == "1"
    assert "Each model is held to 3 GB of memory and 64 processes (cgroup v2)" in said


def test_a_replay_says_where_the_kernel_holds_nobody_to_limits(ask_closed, write_model):
    def none():
        raise CgroupError("this system has no cgroup v2")

    said = []
    lodging = dataclasses.replace(OPEN, say=said.append, cgroups=none)
    assert ask_closed(write_model(), lodging=lodging)
    [told] = [line for line in said if "cgroup" in line]
    assert told.startswith("Each process of a model is held to 4 GB of memory, AND NOTHING BOUNDS")
