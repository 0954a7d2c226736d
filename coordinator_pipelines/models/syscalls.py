"""What a model may not ask of the kernel: a filter of system calls, as bubblewrap loads it.

Add here calls that lead out of a sandbox's bounds; avoid listing what is merely unusual. Namespaces
of its own would give a model rights to try the kernel with; memory behind a descriptor or a key is
held by no process, so nobody would count it.
"""

import errno
import platform
import struct
from collections.abc import Iterator

_LOAD, _EQUALS, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_X32 = 0x40000000
"""From which number on x86-64 calls are those of another convention."""
NAMESPACES = 0x7E020000
"""All flags of ``clone`` that make one; the one for time shares its bit with a signal number."""
NEW_TIME = 0x80
NUMBERS = {
    "x86_64": {
        "clone": 56, "unshare": 272, "setns": 308, "clone3": 435,
        "memfd_create": 319, "memfd_secret": 447, "shmget": 29, "io_uring_setup": 425,
    },
    "aarch64": {
        "clone": 220, "unshare": 97, "setns": 268, "clone3": 435,
        "memfd_create": 279, "memfd_secret": 447, "shmget": 194, "io_uring_setup": 425,
    },
}  # fmt: skip
"""What calls are numbered on a machine."""
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ABSENT = ("clone3", "memfd_create", "memfd_secret", "shmget", "io_uring_setup")
"""Calls that seem not to be there: libraries then go other ways, as on old kernels."""


def program(machine: str | None = None) -> bytes | None:
    """The filter for this machine; None if its calls are not known here."""
    name = machine or platform.machine()
    if name not in NUMBERS:
        return None
    return b"".join(_instructions(_ARCHITECTURES[name], NUMBERS[name]))


def _instructions(architecture: int, numbers: dict[str, int]) -> Iterator[bytes]:
    yield _step(_LOAD, _ARCHITECTURE)
    yield _step(_EQUALS, architecture, 1, 0)
    yield _refuse(errno.EPERM)
    yield _step(_LOAD, _NUMBER)
    yield _step(_AT_LEAST, _X32, 0, 1)
    yield _refuse(errno.ENOSYS)
    for name in ABSENT:
        yield _step(_EQUALS, numbers[name], 0, 1)
        yield _refuse(errno.ENOSYS)
    yield _step(_EQUALS, numbers["setns"], 0, 1)
    yield _refuse(errno.EPERM)
    for name, flags in (("clone", NAMESPACES), ("unshare", NAMESPACES | NEW_TIME)):
        yield _step(_EQUALS, numbers[name], 0, 4)
        yield _step(_LOAD, _FIRST_ARGUMENT)
        yield _step(_ANY_BIT, flags, 0, 1)
        yield _refuse(errno.EPERM)
        yield _step(_RETURN, _ALLOW)
    yield _step(_RETURN, _ALLOW)


def _refuse(number: int) -> bytes:
    return _step(_RETURN, _REFUSE | number)


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    """One instruction of classic BPF, with how many of the next it leaves out."""
    return struct.pack("=HBBI", code, if_so, if_not, value)
