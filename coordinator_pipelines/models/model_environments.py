"""The packages that models ask for: an environment for each set of requirements, made once.

Add here how a ``requirements.txt`` becomes an environment; avoid running models in it. Each stands
on top of the runner's and holds only what that lacks. Installing happens outside of the sandbox,
so nothing may run meanwhile that a model's author wrote: wheels only, from the indexes that this
machine's pip is set up with, and no option, address or path in the file.
"""

import asyncio
import hashlib
import re
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from dataclasses import replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from coordinator_pipelines.models.model_log import Log
from coordinator_pipelines.models.run_directory import let_all_read, remove
from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.models.untrusted_files import open_plain

WANTED = "requirements.txt"
FILE_BYTES = 64 << 10
INSTALL_SECONDS = 900.0
TRY_AGAIN_SECONDS = 600.0
"""How long a set that could not be installed is not tried again."""
INSTALL = (
    "install", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1",
    "--only-binary", ":all:", "-r",
)  # fmt: skip
LINE_CHARACTERS = 2000
HASH = " --hash=sha256:"
DIGEST = re.compile("[0-9a-f]{64}")


class RequirementsError(Exception):
    """A model's requirements cannot be met; ``for_good``: not without another file."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class ModelEnvironments:
    """Environments on top of ``base``, kept below ``home``."""

    def __init__(self, base: RunnerEnvironment, home: Path) -> None:
        self._base = base
        self._home = home
        self._locks: dict[str, asyncio.Lock] = {}
        self._failed: dict[str, tuple[float, RequirementsError]] = {}

    @property
    def all(self) -> RunnerEnvironment:
        """The base, and at once the directory of all that stand on it."""
        self._home.mkdir(parents=True, exist_ok=True)
        return replace(self._base, directories=(*self._base.directories, self._home.absolute()))

    async def of(self, code: Path, log: Log) -> RunnerEnvironment:
        """The environment for a copy of a model. ``log``: gets what pip says.

        Raises:
            RequirementsError: there is none and none can be made.
        """
        wanted = await asyncio.to_thread(requirements, code / WANTED)
        if not wanted:
            return self._base
        text = "\n".join(wanted)
        key = hashlib.sha256(f"{self._base.python}\n{text}".encode()).hexdigest()[:16]
        made = (self._home / key).absolute()
        async with self._locks.setdefault(key, asyncio.Lock()):
            if not await asyncio.to_thread(made.exists):
                self._raise_recent_failure(key)
                try:
                    await self._make(made, text, log)
                except RequirementsError as error:
                    self._failed[key] = time.monotonic(), error
                    raise
        python = made / "bin" / "python"
        return replace(self._base, python=python, directories=(*self._base.directories, made))

    def _raise_recent_failure(self, key: str) -> None:
        at, error = self._failed.get(key, (0.0, None))
        if error and time.monotonic() - at < TRY_AGAIN_SECONDS:
            raise error

    async def _make(self, target: Path, text: str, log: Log) -> None:
        """Make it elsewhere and move it when it is whole, whoever else makes it meanwhile."""
        directory = await asyncio.to_thread(self._begin, text)
        fresh, wanted = directory / "environment", directory / WANTED
        python, pip = str(self._base.python), ("-m", "pip", "--python")
        try:
            await self._run(log, directory, python, "-m", "venv", "--without-pip", str(fresh))
            await asyncio.to_thread(self._refer_to_base, fresh)
            await self._run(log, directory, python, *pip, str(fresh), *INSTALL, str(wanted))
            await asyncio.to_thread(_publish, fresh, target)
        finally:
            await asyncio.shield(asyncio.to_thread(remove, directory))

    def _begin(self, text: str) -> Path:
        """A directory to make one in, with the list of what is wanted."""
        self._home.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(dir=self._home, prefix=".new-"))
        (directory / WANTED).write_text(text + "\n", encoding="utf-8")
        return directory

    def _refer_to_base(self, fresh: Path) -> None:
        [packages] = fresh.glob("lib/python*/site-packages")
        # Not the bare path: the base may itself have packages by reference.
        line = f"import site; site.addsitedir({str(self._base.packages)!r})\n"
        (packages / "runner.pth").write_text(line, encoding="utf-8")

    async def _run(self, log: Log, directory: Path, *argv: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=directory, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
        )
        try:
            async with asyncio.timeout(INSTALL_SECONDS):
                said, _ = await process.communicate()
        except TimeoutError:
            raise RequirementsError(
                f"its requirements were not installed within {INSTALL_SECONDS:g} s", for_good=False
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        log.say(said[-FILE_BYTES:])
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines() or ["pip gave no reason"]
            errors = [line for line in lines if line.startswith("ERROR: ")] or lines
            reason = errors[0].removeprefix("ERROR: ")
            raise RequirementsError(
                f"its requirements cannot be installed: {reason[:300]}", for_good=False
            )


def _publish(fresh: Path, target: Path) -> None:
    let_all_read(fresh)
    if not target.exists():
        fresh.rename(target)


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
        if line and not _is_package(line):
            raise _refused(
                f"line {number} is not accepted; name packages as in 'scikit-learn==1.5.2', "
                "without options, addresses or paths"
            )
    return [line for line in found if line]


def _is_package(line: str) -> bool:
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
