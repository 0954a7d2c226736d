"""The Python environment of the published model runner: found, or made once.

Add here what concerns that environment; avoid running models in it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coordinator_pipelines.domain.values.errors import RunnerError

REQUIREMENTS = Path(__file__).with_name("runner-requirements.txt")
INSTALL = (
    "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps",
    "--only-binary", ":all:", "-r",
)  # fmt: skip
"""Exactly what is locked, and nothing that would run code while it is installed."""
READY = ".ready"
CHECK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class RunnerEnvironment:
    """An environment in which ``model_runner`` can be imported."""

    python: Path
    directories: tuple[Path, ...]
    """Where its Python and its packages are, on this machine."""
    packages: Path
    """Where its packages are."""

    @property
    def directory(self) -> Path:
        """The virtual environment."""
        return self.python.parent.parent

    @classmethod
    def find(cls, given: str | None, home: Path, say: Callable[[str], None]) -> "RunnerEnvironment":
        """The environment that was named, or the one below ``home``, made if it is missing.

        ``given``: a virtual environment, its Python, or its ``model-runner`` script.

        Raises:
            RunnerError: there is none and none can be made.
        """
        python = _named(Path(given)) if given else _made(home, say)
        *directories, packages = _places(python)
        return cls(python, tuple(directories), packages)

    @classmethod
    def present(cls, given: str | None, home: Path) -> "RunnerEnvironment | None":
        """The environment that was named, or the one below ``home``; None if there is none yet.

        Raises:
            RunnerError: what was named is none.
        """
        if given or (_directory(home) / READY).exists():
            return cls.find(given, home, lambda _: None)
        return None


def _named(path: Path) -> Path:
    python = path / "bin" / "python" if path.is_dir() else path.with_name("python")
    if not python.exists():
        raise RunnerError(
            f"COORDINATOR_MODEL_RUNNER is {str(path)!r}, where there is no Python; name a virtual "
            "environment that has crunch-model-runner installed"
        )
    return python.absolute()


def _made(home: Path, say: Callable[[str], None]) -> Path:
    directory = _directory(home)
    ready = directory / READY
    if not ready.exists():
        say(f"Installing the model runner in {directory} (once; 500 MB, a minute or two) ...")
        shutil.rmtree(directory, ignore_errors=True)
        directory.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(directory)])
        _run([str(directory / "bin" / "python"), "-m", "pip", *INSTALL, str(REQUIREMENTS)])
        ready.touch()
    return directory / "bin" / "python"


def _directory(home: Path) -> Path:
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    return home / f"{pins}-py{sys.version_info[0]}{sys.version_info[1]}"


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise RunnerError(
            f"the model runner cannot be installed: {last[:500]}; install the packages of "
            f"{REQUIREMENTS} into an environment and name it in COORDINATOR_MODEL_RUNNER"
        )


def _places(python: Path) -> list[Path]:
    """The directories outside of /usr that it needs, and the one with its packages."""
    code = (
        "import sys, sysconfig, model_runner; print(sys.prefix); print(sys.base_prefix); "
        "print(sysconfig.get_path('purelib'))"
    )
    done = subprocess.run(
        [str(python), "-I", "-c", code], capture_output=True, text=True, timeout=CHECK_SECONDS,
        check=False, env={"PATH": os.defpath},
    )  # fmt: skip
    if done.returncode != 0:
        raise RunnerError(
            f"{python} cannot import the model runner; install crunch-model-runner there, or name "
            "another environment in COORDINATOR_MODEL_RUNNER"
        )
    *prefixes, packages = map(Path, done.stdout.splitlines())
    outside = [path for path in dict.fromkeys(prefixes) if not path.is_relative_to("/usr")]
    return [*outside, packages]
