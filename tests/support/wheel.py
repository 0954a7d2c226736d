"""Wheels: the project's, in an environment without the source tree, and small ones of tests."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
DAGSTER_COMMANDS = ("dagster", "dagster-daemon", "dagster-graphql", "dagster-webserver")


METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def pack_wheel(directory: Path, package: str, files: Mapping[str, str]) -> Path:
    """A wheel ``<package>-1.0`` of some files, by their paths in it."""
    wheel = directory / f"{package}-1.0-py3-none-any.whl"
    about = {"METADATA": METADATA.format(package.replace("_", "-")), "WHEEL": WHEEL, "RECORD": ""}
    with ZipFile(wheel, "w") as packed:
        for path, text in files.items():
            packed.writestr(path, text)
        for name, text in about.items():
            packed.writestr(f"{package}-1.0.dist-info/{name}", text)
    return wheel


def build_wheel(directory: Path) -> Path:
    """The project's wheel, built from a copy so that nothing is written to the repository."""
    source = directory / "source"
    shutil.copytree(
        ROOT,
        source,
        ignore=shutil.ignore_patterns(".git", ".venv", ".coordinator", "__pycache__", ".*_cache"),
    )
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = directory.glob("*.whl")
    return built


def install_wheel(wheel: Path, directory: Path) -> Path:
    """Python of a new environment with the wheel; dependencies are those of this one."""
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    site = directory / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps",
         "--no-index", "--disable-pip-version-check", str(wheel)],
        check=True, capture_output=True,
    )  # fmt: skip
    # A line of a .pth file is a directory whose own .pth files (the editable project) are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    for name in DAGSTER_COMMANDS:
        here = Path(sys.executable).with_name(name).read_text().partition("\n")[2]
        script = directory / "bin" / name
        script.write_text(f"#!{python}\n{here}")
        script.chmod(0o755)
    return python
