"""The packages that models ask for: an environment for each set of requirements, made once.

Add here how a ``requirements.txt`` becomes an environment; avoid running models in it. Each stands
on top of the runner's and holds only what that lacks. Installing happens outside of the sandbox,
so nothing may run meanwhile that a model's author wrote: wheels only, from the indexes that this
machine's pip is set up with, and no option, address or path in the file.
"""

import asyncio
import hashlib
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from coordinator_pipelines.models.model_log import Log
from coordinator_pipelines.models.requirements import (
    FILE_BYTES,
    WANTED,
    RequirementsError,
    requirements,
)
from coordinator_pipelines.models.run_directory import let_all_read, remove
from coordinator_pipelines.models.runner_environment import RunnerEnvironment

INSTALL_SECONDS = 900.0
TRY_AGAIN_SECONDS = 600.0
"""How long a set that could not be installed is not tried again."""
INSTALL = (
    "install", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1",
    "--only-binary", ":all:", "-r",
)  # fmt: skip


class ModelEnvironments:
    """Environments on top of ``base``, kept below ``home``. ``common``: what every model needs."""

    def __init__(self, base: RunnerEnvironment, home: Path, common: Sequence[str] = ()) -> None:
        self._base = base
        self._home = home
        self._common = common
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
        own = await asyncio.to_thread(requirements, code / WANTED)
        wanted = list(dict.fromkeys([*self._common, *own]))
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
