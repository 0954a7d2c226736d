"""A tree of files that looks like what a kernel tells of its cgroups."""

from pathlib import Path


class Kernel:
    """What a kernel tells of cgroups, in files."""

    def __init__(self, directory: Path) -> None:
        self.proc, self.top = directory / "proc", directory / "cgroup"
        (self.proc / "self").mkdir(parents=True)
        self.mounts = f"31 24 0:27 / {self.top} rw shared:9 - cgroup2 cgroup2 rw\n"
        self.add("", "cpu memory pids")
        self.add("user.slice", "memory pids")
        self.add("user.slice/session", "")

    def add(self, group: str, handed_on: str) -> None:
        (self.top / group).mkdir()
        (self.top / group / "cgroup.subtree_control").write_text(handed_on)
        (self.top / group / "cgroup.controllers").write_text("cpu memory pids")

    def tell(self, own: str = "/user.slice/session") -> Path:
        (self.proc / "self" / "mountinfo").write_text(
            f"24 1 0:22 / / rw - ext4 x rw\n{self.mounts}"
        )
        (self.proc / "self" / "cgroup").write_text(f"9:name=systemd:/x\n0::{own}\n")
        return self.proc
