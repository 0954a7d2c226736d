"""Which packages a model asks for: lines of a ``requirements.txt``, and no other kind of line.

Add here what may be asked for; avoid installing it (``model_environments``). The file is somebody
else's: it is bounded, and what it says is not repeated.
"""

import re
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from coordinator_pipelines.models.untrusted_files import open_plain

WANTED = "requirements.txt"
FILE_BYTES = 64 << 10
LINE_CHARACTERS = 2000
HASH = " --hash=sha256:"
DIGEST = re.compile("[0-9a-f]{64}")


class RequirementsError(Exception):
    """A model's requirements cannot be met; ``for_good``: not without another file."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


def requirements(path: Path) -> list[str]:
    """The packages that a ``requirements.txt`` names, a line each; none if there is no file.

    Raises:
        RequirementsError: it cannot be read, or a line is anything but a package; what the line
            says is not repeated, since everybody may read the reason.
    """
    try:
        with open_plain(path, "rb") as file:
            text = file.read(FILE_BYTES + 1).decode()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _refused(f"it cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _refused(f"it is not UTF-8 at byte {error.start}") from None
    if len(text) > FILE_BYTES:
        raise _refused(f"it has more than {FILE_BYTES} bytes")
    lines = re.sub(r"\\\r?\n", " ", text).splitlines()
    found = [" ".join(re.sub(r"(^|\s)#.*", "", line).split()) for line in lines]
    for number, line in enumerate(found, start=1):
        if line and not is_package(line):
            raise _refused(
                f"line {number} is not accepted; name packages as in 'scikit-learn==1.5.2', "
                "without options, addresses or paths"
            )
    return [line for line in found if line]


def is_package(line: str) -> bool:
    """Whether a line names one package of an index, perhaps with versions, extras and hashes."""
    if len(line) > LINE_CHARACTERS:
        return False
    package, *digests = line.split(HASH)
    try:
        found = Requirement(package)
    except InvalidRequirement:
        return False
    return found.url is None and all(DIGEST.fullmatch(digest) for digest in digests)


def _refused(reason: str) -> RequirementsError:
    return RequirementsError(f"requirements.txt: {reason}", for_good=True)
