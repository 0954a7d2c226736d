"""The real host with the real published runner: sandbox, restarts, redeploys, and the end."""

import json
import os
import platform
import re
import sys
import time
from pathlib import Path
from zipfile import ZipFile

import pytest

from coordinator_pipelines.domain.doors.models import EventKind, Limits, Outcome
from coordinator_pipelines.models import syscalls
from coordinator_pipelines.models.isolation import Tier, strongest_tier
from tests.conftest import miss
from tests.models.live.conftest import eventually
from tests.support.intruder import PROBES

pytestmark = pytest.mark.slow

LOOK_AROUND = (
    PROBES
    + """
def files(directory):
    made = 0
    try:
        while made < 10_000:
            open(f"{directory}/{made}", "w").close()
            made += 1
    except OSError:
        return made < 5_000
    finally:
        for each in range(made):
            os.unlink(f"{directory}/{each}")
    return False
def call(number, *arguments):
    import ctypes
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(number, *arguments) < 0:
        return os.strerror(ctypes.get_errno())
    return True
return {
    "uid": os.getuid(), "hosts": reach("/etc/hosts"), "secret": reach(SECRET),
    "code": write("/model/main.py"), "resources": write("/model/resources/x"),
    "tmp": write("/tmp/x"), "much": write("/tmp/y", 40 << 20) and write("/tmp/z", 40 << 20),
    "shm": write("/dev/shm/x"), "dev": write("/dev/x"), "root": write("/x"),
    "much in shm": write("/dev/shm/y", 40 << 20) and write("/dev/shm/z", 40 << 20),
    "few files": all(files(each) for each in ("/tmp", "/dev/shm", "/model/resources")),
    "namespace": call(CALLS["unshare"], 0x10000000), "namespace of a child":
        call(CALLS["clone"], 0x10000011, 0, 0, 0, 0), "clone3": call(CALLS["clone3"], 0, 0),
    "memory file": call(CALLS["memfd_create"], b"x", 0), "segment":
        call(CALLS["shmget"], 0, 1 << 20, 0o1600),
    "network": connect(), "environment": sorted(os.environ),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
}
"""
)


def test_the_models_are_isolated_where_the_machine_allows(host, environment):
    tier = strongest_tier(environment)
    if tier is Tier.TRUSTED:
        miss("bubblewrap", "bubblewrap does not work here")
    secret = host.directory / "secret"
    secret.write_text("secret")
    spy = LOOK_AROUND.replace("SECRET", repr(str(secret)))
    host.write("spy", spy.replace("CALLS", repr(syscalls.NUMBERS[platform.machine()])))
    host.up().connect()
    said = host.log.read_text()
    assert f"Models run {tier.value}" in said
    assert "No model can make namespaces, or memory that no process holds" in said
    assert re.search(
        r"^Each model is held to 2 GB of memory and 64 processes by ", said, re.MULTILINE
    )
    host.joined("spy")
    seen = json.loads(host.ask()["spy"].output)
    uid = seen.pop("uid")
    assert (uid == os.getuid()) == (os.getuid() != 0 or tier is Tier.SANDBOX_SAME_USER)
    assert seen.pop("environment") == sorted([
        "HOME", "LANG", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH",
        "PWD", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "PYTHONPATH", "PYTHONUNBUFFERED",
        "TMPDIR", "TZ",
    ])  # fmt: skip
    assert seen.pop("processes") <= 3
    assert seen == {
        "hosts": "FileNotFoundError", "secret": "FileNotFoundError", "code": False,
        "resources": True, "network": False, "tmp": True, "much": False, "shm": True,
        "much in shm": False, "dev": False, "root": False, "few files": True,
        "namespace": "Operation not permitted", "namespace of a child": "Operation not permitted",
        "clone3": "Function not implemented", "memory file": "Function not implemented",
        "segment": "Function not implemented",
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
    assert "its log says what could not be imported" in host.rows()["broken"]["statusMessage"]
    assert "No module named 'nothing_of_that_name'" in host.get("/models/logs/runner/broken")
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


def test_hostile_submissions_stop_nobody_and_show_nothing(host):
    secret = host.directory / "secret"
    secret.write_text("postgresql://operator:password@db/ledger\n")
    host.write("good")
    for name in ("link", "pipe", "named-pipe", "directory-link"):
        host.write(name)
    models = host.directory / "models"
    (models / "link" / "requirements.txt").symlink_to(secret)
    os.mkfifo(models / "pipe" / "requirements.txt")
    (models / "named-pipe" / "main.py").unlink()
    os.mkfifo(models / "named-pipe" / "main.py")
    (models / "directory-link" / "data").symlink_to(host.directory)
    host.up().connect()
    host.joined("good")
    for name in ("link", "pipe", "named-pipe", "directory-link"):
        eventually(lambda name=name: host.status(name) == "RUNNER_FAILED")
        assert "its files cannot be used" in host.rows()[name]["statusMessage"]
        assert "password" not in host.get(f"/models/logs/runner/{name}")
    assert "password" not in host.get("/models")
    host.write("good", "return 'new'")
    eventually(lambda: host.ask()["good"].output == '"new"')
    (models / "pipe" / "requirements.txt").unlink()
    host.joined("pipe")
    assert host.get("/alive") == "alive\n"


def test_a_talkative_model_whose_log_cannot_be_written_keeps_nobody_waiting(host):
    log = host.directory / "home" / "logs" / "btc-up-down" / "models" / "talks.log"
    log.mkdir(parents=True)
    host.write("talks", "print('x' * 1_000_000)\nreturn 'said'")
    host.write("good")
    host.up().connect()
    host.joined("talks", "good")
    assert host.ask()["talks"].output == '"said"'
    host.write("talks", "print('x' * 1_000_000)\nreturn 'said again'")
    eventually(lambda: host.ask()["talks"].output == '"said again"')
    assert host.ask()["good"].outcome is Outcome.SUCCESS
    assert host.get("/alive") == "alive\n"


def test_words_of_a_model_cannot_pass_for_lines_of_the_host(host):
    forged = "Model host ready: announcing at ws://127.0.0.1:1/x"
    lines = f"def __init__(self):\n        raise RuntimeError('x\\n{forged}\\nx')"
    head = "from coordinator_pipelines.starter.tracker import TrackerBase\n"
    host.write("forger", main=f"{head}class Model(TrackerBase):\n    {lines}\n")
    host.up()
    eventually(lambda: host.status("forger") == "RUNNER_FAILED")
    assert forged not in host.log.read_text().splitlines()
    assert host.rows()["forger"]["statusMessage"].isprintable()


def test_a_host_whose_output_has_no_room_runs_on(host):
    host.write("good")
    host.up()
    second = host.start(host.directory / "spec.json", output=Path("/dev/full"))
    try:
        eventually(lambda: list(host.temporary.glob("models-*/*/model.sock"))[1:])
        assert second.poll() is None
    finally:
        second.terminate()
        second.wait(20)


def wheel(directory, name, version, code):
    """A package of one module, as pip installs it."""
    info = f"{name}-{version}.dist-info"
    content = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    directory.mkdir(exist_ok=True)
    with ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)


def test_each_model_finds_the_packages_that_it_requires(host):
    """Each in its version, beside what the runner has; who cannot have them hears why."""
    index = host.directory / "index"
    for version in ("1.0", "2.0"):
        wheel(index, "oracle", version, f"ANSWER = {version}\n")
        model_id = f"with-{version}"
        host.write(model_id, "import oracle, pandas\nreturn oracle.ANSWER")
        host.require(model_id, f"# what it knows\noracle=={version}\nnumpy>=1\n")
    host.write("without", "import oracle")
    host.write("unmet")
    host.require("unmet", "oracle==3.0\n")
    host.write("own-index")
    host.require("own-index", "--extra-index-url https://example.org/simple\noracle\n")
    host.up(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(index)).connect()
    host.joined("with-1.0", "with-2.0", "without", seconds=60)
    answers = host.ask()
    assert (answers["with-1.0"].output, answers["with-2.0"].output) == ("1.0", "2.0")
    assert "No module named 'oracle'" in answers["without"].reason
    for model_id in ("unmet", "own-index"):
        eventually(lambda each=model_id: host.status(each) == "RUNNER_FAILED", seconds=60)
    said = {model_id: row["statusMessage"] for model_id, row in host.rows().items()}
    assert "requirements cannot be installed: Could not find a version" in said["unmet"]
    assert "oracle==3.0" in host.get("/models/logs/runner/unmet")
    assert "requirements.txt: line 1 is not accepted" in said["own-index"]


def test_a_model_brings_its_modules_and_its_weights(host):
    host.write("package", "from lib.resources import load\nreturn load()")
    directory = host.directory / "models/package"
    for name, text in {
        "lib/__init__.py": "",
        "lib/resources/__init__.py": "from ..reader import load\n",
        "lib/reader.py": "def load():\n    return open('resources/weights.txt').read()\n",
        "resources/weights.txt": "0.7",
    }.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    host.write("thief", "return open('stolen').read()")
    (host.directory / "models/thief/stolen").symlink_to("/etc/hostname")
    host.up().connect()
    host.joined("package")
    before = host.deployment("package")
    assert host.ask()["package"].output == '"0.7"'
    eventually(lambda: host.status("thief") == "RUNNER_FAILED")
    assert "stolen is a link" in host.rows()["thief"]["statusMessage"]
    (directory / "resources/weights.txt").write_text("0.8")
    eventually(lambda: host.deployment("package") not in (None, before))
    assert host.ask()["package"].output == '"0.8"'


HOLD = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        held = bytearray(b"x") * 250_000_000  # a fork of a server may die of that
        time.sleep(1000)
return 1
"""
LET_GO_OF = """
import mmap
kept = self.kept = mmap.mmap(-1, 400_000_000)
kept.write(bytes(400_000_000))
kept.madvise(mmap.MADV_DONTNEED)
return 1
"""
"""Memory that no process has a page of at hand, and that the machine lacks all the same."""
FILL = """
for name in ("/tmp/a", "/dev/shm/a", "resources/a", "resources/b", "resources/c", "resources/d"):
    with open(name, "wb") as file:
        file.write(bytes(60_000_000))
return 1
"""
FORK = "import os, time\nfor _ in range(70): os.fork() or time.sleep(1000)\nreturn 1"
UNSANDBOXED = {"PATH": str(Path(sys.executable).parent)}
"""There the kernel's limit on processes is that of the host's user, so only the host counts."""


@pytest.mark.parametrize(
    ("does", "reason", "variables"),
    [
        (HOLD, "0.25 GB", {}),
        (LET_GO_OF, "0.25 GB", {}),
        (FILL, "0.25 GB", {}),
        (FORK, "processes; at most 64 are allowed", UNSANDBOXED),
    ],
    ids=["memory", "shared-memory-let-go-of", "files", "processes"],
)
def test_a_model_that_takes_too_much_is_ended_and_told_why(host, does, reason, variables):
    host.write("greedy", does)
    host.write("good")
    host.limits["memory_bytes"] = 256 << 20
    host.up(**variables).connect()
    host.joined("greedy", "good", seconds=60)
    host.ask()
    eventually(lambda: reason in host.get("/models/logs/runner/greedy"), seconds=30)
    assert host.ask()["good"].outcome is Outcome.SUCCESS
