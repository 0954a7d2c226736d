"""What a replayed model's process is closed in with, as one value that processes pass on.

Add here what a model's process must know of its surroundings; avoid making them (``lodgings``).
"""

import json
from dataclasses import dataclass
from pathlib import Path

from coordinator_pipelines.models.cgroups import Cgroup
from coordinator_pipelines.models.isolation import Place, Tier
from coordinator_pipelines.models.runner_environment import RunnerEnvironment


@dataclass(frozen=True, slots=True)
class Lodging:
    """All that a model's process is closed in with."""

    tier: Tier
    environment: RunnerEnvironment
    place: Place
    memory_bytes: int
    cgroup: Cgroup | None = None
    """Where the kernel holds it to its limits; None where it does not."""

    def dumped(self) -> str:
        """As one text, for the process that watches over the model."""
        environment, place = self.environment, self.place
        return json.dumps(
            {
                "tier": self.tier.name,
                "python": str(environment.python),
                "directories": [str(path) for path in environment.directories],
                "packages": str(environment.packages),
                "place": [str(path) for path in (place.code, place.run, place.shared)],
                "uid": place.uid,
                "memory_bytes": self.memory_bytes,
                "cgroup": str(self.cgroup.path) if self.cgroup else None,
            }
        )

    @classmethod
    def loaded(cls, text: str) -> "Lodging":
        """What was dumped."""
        said = json.loads(text)
        code, run, shared = said["place"]
        directories = tuple(map(Path, said["directories"]))
        return cls(
            Tier[said["tier"]],
            RunnerEnvironment(Path(said["python"]), directories, Path(said["packages"])),
            Place(Path(code), Path(run), Path(shared), said["uid"]),
            said["memory_bytes"],
            Cgroup(Path(said["cgroup"])) if said["cgroup"] else None,
        )
