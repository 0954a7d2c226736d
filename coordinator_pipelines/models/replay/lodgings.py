"""Where replayed models run: the tier that keeps them in, copies of their files, their packages.

Add here what a model finds around it, which is what the model host gives it; avoid its process
(``process``) and what it is asked.
"""

import asyncio
import itertools
import os
import sys
import sysconfig
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from coordinator_pipelines.domain.doors.models import Member
from coordinator_pipelines.domain.values.errors import ReplayError
from coordinator_pipelines.models import submission
from coordinator_pipelines.models.cgroups import Cgroup, CgroupError, Cgroups
from coordinator_pipelines.models.isolation import (
    PROCESSES,
    UIDS,
    Place,
    Tier,
    own_uid,
    strongest_tier,
)
from coordinator_pipelines.models.model_environments import ModelEnvironments
from coordinator_pipelines.models.model_log import Log
from coordinator_pipelines.models.replay.lodging import Lodging
from coordinator_pipelines.models.requirements import WANTED, RequirementsError, requirements
from coordinator_pipelines.models.roster import Supplies
from coordinator_pipelines.models.run_directory import let_all_read, run_directory
from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.models.shared_modules import lay_out

PROBE = "json"
"""Module that tells whether Python runs in a sandbox: every environment has it."""


NO_SANDBOX = (
    "No sandbox works here, and nobody has reviewed it: install bubblewrap; or read the code and "
    "say `reviewed: true` in models.yaml; or set COORDINATOR_TRUST_MODELS=1 to run every model "
    "with the rights of this user"
)


class NoLodgingError(Exception):
    """A model cannot be run as it is, here or live; the text says why."""


@dataclass(frozen=True)
class HouseRules:
    """How replayed models are lodged.

    ``home``: where the model host keeps its environments. ``runner``: the one of the published
    runner that was named, if one was. ``trust``: whether models that nobody has reviewed may run
    without a sandbox. ``say``: takes what the operator should see. ``tier``: not to be found by
    trying. ``cgroups``: makes those of a replay.
    """

    home: Path
    runner: str | None
    memory_bytes: int
    trust: bool
    say: Callable[[str], None]
    tier: Tier | None = None
    cgroups: Callable[[], Cgroups] = Cgroups


class Lodgings:
    """The lodgings of one replay. Nothing is made before the first model needs one."""

    def __init__(
        self, rules: HouseRules, supplies: Callable[[], Supplies], base_class: str, own_package: str
    ) -> None:
        self._rules = rules
        self._read_supplies = supplies
        self._base_class = base_class
        self._own_package = own_package
        self._stack = ExitStack()
        self._numbers = itertools.count(UIDS // 2 + os.getpid() % (UIDS // 2))  # rarely another's

    def close(self) -> None:
        """Remove all copies; no model may run any more."""
        self._stack.close()

    @cached_property
    def supplies(self) -> Supplies:
        """What the challenge gives all its models."""
        return self._read_supplies()

    @cached_property
    def _root(self) -> Path:
        root = self._stack.enter_context(run_directory())
        modules = self.supplies.shared_modules
        lay_out(modules, self._base_class, self._own_package, root / "shared")
        let_all_read(root / "shared")
        return root

    @cached_property
    def _runner(self) -> RunnerEnvironment | None:
        """The published runner's environment, if it is there already."""
        return _runner_present(self._rules.runner, self._rules.home / "runner")

    @cached_property
    def _environments(self) -> ModelEnvironments:
        """Environments with what models require, as the model host makes them."""
        rules = self._rules
        runner = RunnerEnvironment.find(rules.runner, rules.home / "runner", rules.say)
        return ModelEnvironments(runner, rules.home / "requirements", self.supplies.requirements)

    @cached_property
    def _tier(self) -> Tier:
        rules = self._rules
        tier = rules.tier or tier_here()
        rules.say(f"Models run {tier.value}")
        if self._runner is None:
            rules.say(
                "Models without requirements import what is installed here, live what the model "
                "runner brings: `coordinator models install` makes it the same"
            )
        return tier

    @cached_property
    def _cgroups(self) -> Cgroups | None:
        """Limits that the kernel holds, where it does; what models are held to is said."""
        most = f"{self._rules.memory_bytes / (1 << 30):.3g} GB of memory"
        try:
            cgroups = self._rules.cgroups()
        except CgroupError as error:
            self._rules.say(
                f"Each process of a model is held to {most}, AND NOTHING BOUNDS ALL OF THEM "
                f"TOGETHER: the kernel does not ({error})"
            )
            return None
        self._rules.say(f"Each model is held to {most} and {PROCESSES} processes (cgroup v2)")
        self._stack.callback(cgroups.close)
        return cgroups

    def _limited(self, number: int) -> Cgroup | None:
        """The cgroup of a model, which ends with the replay."""
        if self._cgroups is None:
            return None
        cgroup = self._cgroups.of_model(str(number), self._rules.memory_bytes)
        self._stack.callback(cgroup.end)
        return cgroup

    def of(self, member: Member, directory: Path, log: Path) -> Lodging:
        """Lodge a model. ``log``: file that gets what the installation of its packages says.

        Raises:
            ReplayError: nobody has reviewed it, and no sandbox works here; or it cannot be held to
            its limits.
            NoLodgingError: its files or its requirements cannot be used.
        """
        tier = self._tier
        if not (tier.isolated or member.reviewed or self._rules.trust):
            raise ReplayError(f"model {member.model_id} is not run. {NO_SANDBOX}")
        number = next(self._numbers)
        base = self._root / str(number)
        place = Place(base / "code", base / "run", self._root / "shared", own_uid(tier, number))
        try:
            submission.copy(directory, place.code)
        except OSError as error:
            raise NoLodgingError(f"its files cannot be used: {error}") from None
        let_all_read(base)
        place.run.mkdir(mode=0o711)
        environment, memory = self._environment(place.code, log), self._rules.memory_bytes
        try:
            return Lodging(tier, environment, place, memory, self._limited(number))
        except OSError as error:
            raise ReplayError(f"model {member.model_id} is not run: no cgroup: {error}") from None

    def _environment(self, code: Path, log: Path) -> RunnerEnvironment:
        try:
            if self.supplies.requirements or requirements(code / WANTED):
                with closing(Log(log)) as said:
                    return asyncio.run(self._environments.of(code, said))
        except RequirementsError as error:
            raise NoLodgingError(str(error)) from None
        return self._runner or own_environment()


@cache
def tier_here() -> Tier:
    """The strongest tier that replayed models can have on this machine."""
    return strongest_tier(own_environment(), module=PROBE)


@cache
def _runner_present(given: str | None, home: Path) -> RunnerEnvironment | None:
    return RunnerEnvironment.present(given, home)


def own_environment() -> RunnerEnvironment:
    """The coordinator's own Python and packages, for models that require none."""
    prefixes = dict.fromkeys(map(Path, (sys.prefix, sys.base_prefix)))
    outside = tuple(path for path in prefixes if not path.is_relative_to("/usr"))
    packages = Path(sysconfig.get_path("purelib"))
    return RunnerEnvironment(Path(sys.executable), outside, packages)
