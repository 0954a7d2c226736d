"""Set limits on this process, give up its user, and become another program.

Run by path: ``launch.py JSON``, with ``argv`` and optionally ``parent`` (a process id with whom to
die), ``uid``, ``limits`` (names of ``resource`` to numbers), ``nice`` and ``oom_score`` (how much
sooner than others the kernel kills it when memory runs out). Standard library only: it also runs
inside sandboxes, where nothing of this project is.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


def main() -> None:
    """Become the program."""
    order = json.loads(sys.argv[1])
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
    os.execv(order["argv"][0], order["argv"])


if __name__ == "__main__":
    main()
