"""How far a model can be kept from this machine: the tiers, and the command line of each.

Add here what closes a model in; avoid deciding when it runs. The strongest tier that works here
is found by trying it, since what a container allows cannot be read off anywhere.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from coordinator_pipelines.models import syscalls
from coordinator_pipelines.models.runner_environment import RunnerEnvironment

LAUNCH = Path(__file__).with_name("launch.py")
TMP_BYTES = 64 << 20
RESOURCES_BYTES = 256 << 20
"""What a model may write to ``resources``, beyond what it brought along."""
SCRATCH_FILES = 4096
PAGE = 4096
NICENESS, OOM_SCORE = 5, 500
FIRST_UID, UIDS = 62000, 3000
LIMITS = {
    "RLIMIT_NOFILE": 256,
    "RLIMIT_FSIZE": 64 << 20,
    "RLIMIT_CORE": 0,
}
PROCESSES = 64
OWN_PROCESSES = 8
"""Those of the sandbox, on top of the model's."""
MAPPED_BYTES = 2 << 30
"""What a process may address beyond its memory: libraries map much that they never fill."""
RUNNER_MODULE = "model_runner.server"
PROBE_SECONDS = 60.0
PROBE_BYTES = 1 << 30
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONFAULTHANDLER": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""All that a model finds in its environment, with HOME, TMPDIR and PYTHONPATH."""


class Tier(Enum):
    """What a model is kept from; the value is what is said at start-up."""

    SANDBOX_OWN_USER = (
        "isolated: bubblewrap, no network, no files but its own, a user of its own for each model"
    )
    SANDBOX_DROPPED_USER = (
        "isolated: bubblewrap, no network, no files but its own, a user of its own for each model "
        "(taken on inside)"
    )
    SANDBOX_SAME_USER = (
        "isolated: bubblewrap, no network, no files but its own (as the host's user)"
    )
    TRUSTED = (
        "TRUSTED MODELS ONLY: no sandbox works here, so models can read this user's files and use "
        "the network; install bubblewrap to isolate them"
    )

    @property
    def isolated(self) -> bool:
        """Whether a model that is not trusted may be run."""
        return self is not Tier.TRUSTED


@dataclass(frozen=True, slots=True)
class Place:
    """The directories of one deployment, on the host."""

    code: Path
    """A copy of the model's files, whose ``resources`` it may write to."""
    run: Path
    """Of the host, for what is there only while it runs; in it the runner makes its socket."""
    shared: Path
    """What the challenge gives all its models to import."""
    uid: int | None
    """The model's own user; None: the host's."""

    @property
    def user(self) -> int:
        """The user that the model's processes run as."""
        return os.geteuid() if self.uid is None else self.uid

    @property
    def resources(self) -> Path:
        """The directory of the copy that the model may write to."""
        return self.code / "resources"

    @property
    def scratch(self) -> dict[str, Path]:
        """Where file systems in memory are, by where a model in a sandbox finds them."""
        names = {"/tmp": "tmp", "/dev/shm": "shm", "/model/resources": "resources"}
        return {inside: self.run / name for inside, name in names.items()}


def strongest_tier(
    environment: RunnerEnvironment, root: Path | None = None, module: str = RUNNER_MODULE
) -> Tier:
    """The first tier in which a module can be imported, and files be written, here.

    ``root``: where to try; the directory for temporary files if it is not given.
    """
    return next(
        tier
        for tier in _candidates()
        if tier is Tier.TRUSTED or _works(tier, environment, root, module)
    )


def own_uid(tier: Tier, number: int) -> int | None:
    """The user of a deployment; None for the host's own."""
    owned = os.geteuid() == 0 and tier is not Tier.SANDBOX_SAME_USER
    return FIRST_UID + number % UIDS if owned and tier.isolated else None


def command(
    tier: Tier,
    environment: RunnerEnvironment,
    place: Place,
    memory_bytes: int,
    argv: list[str],
    cgroup: Path | None = None,
) -> list[str]:
    """The command line that runs Python of the runner's environment with ``argv`` in a tier.

    ``cgroup``: where it belongs, if the kernel holds it to limits.
    """
    python = [str(environment.python), *argv]
    limits = {**LIMITS, "RLIMIT_AS": memory_bytes + MAPPED_BYTES}
    if place.uid is not None:
        limits["RLIMIT_NPROC"] = PROCESSES
    order: dict[str, Any] = {"parent": os.getpid(), "limits": limits, "nice": NICENESS,
             "oom_score": OOM_SCORE}  # fmt: skip
    if cgroup is not None:
        order["cgroup"] = str(cgroup)
    if tier is Tier.TRUSTED:
        return _launch(sys.executable, {**order, "argv": python})
    order["scratch"] = _scratch(place)
    if unwanted := syscalls.program():
        order["filter"] = unwanted.hex()
    if tier is Tier.SANDBOX_DROPPED_USER:
        python = _launch(str(environment.python), {"uid": place.uid, "argv": python})
        freedom = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        freedom = ["--unshare-user", "--disable-userns"]
        order["uid"] = place.uid
    sandbox = [*_sandbox(environment, place), *freedom, "--", *python]
    return _launch(sys.executable, {**order, "argv": sandbox})


def paths(tier: Tier, place: Place) -> Place:
    """The directories of a deployment as the model itself sees them."""
    if not tier.isolated:
        return place
    return Place(Path("/model"), Path("/tmp"), Path("/shared"), place.uid)


def variables(tier: Tier, place: Place) -> dict[str, str]:
    """The model's environment."""
    home = "/tmp" if tier.isolated else str(place.resources)
    seen = paths(tier, place)
    return {**ENVIRONMENT, "HOME": home, "TMPDIR": home, "PYTHONPATH": str(seen.shared)}


def _candidates() -> Iterator[Tier]:
    if shutil.which("bwrap"):
        if os.geteuid() == 0:
            yield Tier.SANDBOX_OWN_USER
            yield Tier.SANDBOX_DROPPED_USER
        yield Tier.SANDBOX_SAME_USER
    yield Tier.TRUSTED


def _works(tier: Tier, environment: RunnerEnvironment, root: Path | None, module: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="probe-", dir=root) as directory:
        base = Path(directory)
        base.chmod(0o755)
        place = Place(base / "code", base / "run", base / "shared", own_uid(tier, 0))
        for path in (place.resources, place.run, place.shared):
            path.mkdir(parents=True)
        opened = "".join(f"; open('{inside}/probe', 'w')" for inside in place.scratch)
        code = f"import {module}{opened}"
        probe = command(tier, environment, place, PROBE_BYTES, ["-c", code])
        try:
            done = subprocess.run(
                probe, env=variables(tier, place), capture_output=True,
                timeout=PROBE_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


def _launch(python: str, order: dict[str, object]) -> list[str]:
    return [python, "-I", "-S", str(LAUNCH), json.dumps(order)]


def _scratch(place: Place) -> list[dict[str, object]]:
    """File systems in memory for all that a model writes, ``resources`` with what it brought."""
    owned: dict[str, object] = {} if place.uid is None else {"owner": place.uid}
    *passing, resources = [{**owned, "target": str(each)} for each in place.scratch.values()]
    sizes = [path.lstat().st_size for path in place.resources.rglob("*")]
    resources |= {
        "begins": str(place.resources),
        "bytes": RESOURCES_BYTES + sum(PAGE * (size // PAGE + 1) for size in sizes),
        "files": SCRATCH_FILES + len(sizes),
    }
    return [*({**each, "bytes": TMP_BYTES, "files": SCRATCH_FILES} for each in passing), resources]


def _sandbox(environment: RunnerEnvironment, place: Place) -> list[str]:
    """Bubblewrap up to the program: new namespaces for all, and only what a model needs to see."""
    bwrap = shutil.which("bwrap") or "bwrap"
    read_only = {Path("/usr"): Path("/usr"), place.code: Path("/model")}
    read_only |= {place.shared: Path("/shared"), LAUNCH: LAUNCH}
    read_only |= {path: path for path in environment.directories}
    words = [
        bwrap, "--unshare-ipc", "--unshare-net", "--unshare-pid", "--unshare-uts",
        "--unshare-cgroup-try", "--die-with-parent", "--new-session",
        "--proc", "/proc", "--dev", "/dev",
    ]  # fmt: skip
    *passing, resources = place.scratch.items()
    for inside, scratch in passing:
        words += ["--bind", str(scratch), inside]
    for name in ("bin", "lib", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            words += ["--ro-bind", str(path), str(path)]
    targets = [*read_only.values(), Path("/etc/ld.so.cache")]
    for parent in sorted({parent for path in targets for parent in path.parents}):
        words += ["--perms", "0755", "--dir", str(parent)]  # else as closed as on the host
    for source, target in read_only.items():
        words += ["--ro-bind", str(source), str(target)]
    words += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    words += ["--bind", str(resources[1]), resources[0], "--chdir", "/model"]
    for in_memory in ("/dev", "/"):  # without a bound of their own
        words += ["--remount-ro", in_memory]
    return words
