"""Set limits on this process, give up its user, and become another program.

Run by path: ``launch.py JSON``, with ``argv`` and optionally ``parent`` (a process id with whom to
die), ``uid``, ``limits`` (names of ``resource`` to numbers), ``nice``, ``oom_score`` (how much
sooner than others the kernel kills it when memory runs out), ``cgroup`` (a directory, to belong
there), ``scratch`` (file systems in memory, seen only from here on) and ``filter`` (of system
calls, in hexadecimal, for bubblewrap to load). Standard library only: it also runs inside
sandboxes, where nothing of this project is.
"""

import ctypes
import json
import os
import resource
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000


def main() -> None:
    """Become the program."""
    order = json.loads(sys.argv[1])
    if "cgroup" in order:
        Path(order["cgroup"], "cgroup.procs").write_text("0")
    if "scratch" in order:
        make_scratch(order["scratch"])
    for name, most in order.get("limits", {}).items():
        resource.setrlimit(getattr(resource, name), (most, most))
    os.nice(order.get("nice", 0))
    if "oom_score" in order:
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(str(order["oom_score"]))
    uid = order.get("uid")
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if order.get("parent") not in (None, os.getppid()):
        sys.exit("the host is gone")
    program, *arguments = order["argv"]
    if "filter" in order:
        arguments = ["--seccomp", str(readable(bytes.fromhex(order["filter"]))), *arguments]
    os.execv(program, [program, *arguments])


def make_scratch(wanted: list[dict[str, Any]]) -> None:
    """File systems in memory that hold so many bytes and files, begun with a copy of ``begins``."""
    libc = ctypes.CDLL(None, use_errno=True)
    see_alone(libc)
    for each in wanted:
        target, begins, owner = Path(each["target"]), each.get("begins"), each.get("owner")
        target.mkdir(parents=True, exist_ok=True)
        options = f"mode=1777,size={each['bytes']},nr_inodes={each['files']}".encode()
        flags = MS_NOSUID | MS_NODEV
        done(libc.mount(b"scratch", os.fsencode(target), b"tmpfs", flags, options), target)
        if begins:
            shutil.copytree(begins, target, dirs_exist_ok=True)
            target.chmod(0o755)
        if owner is not None:
            for path in (target, *target.rglob("*")):
                os.chown(path, owner, owner, follow_symlinks=False)


def see_alone(libc: ctypes.CDLL) -> None:
    """Mount for this process and those below it only, as a user that may."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNS):
        done(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "user namespace")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    done(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "/")


def done(status: int, what: object) -> None:
    """Raise what the C library says of a call that failed."""
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(what))


def readable(content: bytes) -> int:
    """A descriptor from which a program that takes this one's place reads something short."""
    source, target = os.pipe()
    os.write(target, content)
    os.close(target)
    os.set_inheritable(source, True)
    return source


if __name__ == "__main__":
    main()
