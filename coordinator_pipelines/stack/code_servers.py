"""One code server per code location, shared by the webserver and the daemon.

Add here what turns a workspace into code servers; avoid running them (``supervisor``). Left to
itself each of the two starts a server per location, and the daemon makes a new one every minute.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.ports import HOST, free_port
from coordinator_pipelines.stack.workspaces import locations_in

WHAT = {"python_module": "module_name", "python_file": "relative_path"}
"""What the kinds of entries that can be served here name."""
NO_INTERPRETER = str(Path(__file__).with_name("no_interpreter.py"))


@dataclass(frozen=True, slots=True)
class CodeServer:
    """How one location is served, and how it is found."""

    name: str
    command: tuple[str, ...]
    port: int

    @property
    def entry(self) -> dict[str, Any]:
        """The location in a workspace file."""
        return {"grpc_server": {"host": HOST, "port": self.port, "location_name": self.name}}


def code_servers(workspaces: Sequence[Path]) -> list[CodeServer]:
    """A code server for each location of the workspace files.

    Raises:
        CoordinatorError: an entry is none that names a module or a file, with a location name.
    """
    return [server for path in workspaces for server in _servers(path)]


def workspace_of(servers: Sequence[CodeServer], path: Path) -> Path:
    """Write the workspace file in which the servers are found."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"load_from": [server.entry for server in servers]}))
    return path


def _servers(path: Path) -> Iterator[CodeServer]:
    for entry in locations_in(path):
        kind, target = next(iter(entry.items() if isinstance(entry, dict) else ()), ("", None))
        if not isinstance(target, dict) or not {WHAT.get(kind), "location_name"} <= target.keys():
            raise CoordinatorError(
                f"{path}: {entry!r} cannot be served here; write python_module with module_name, "
                "or python_file with relative_path, and a location_name"
            )
        yield _server(path.absolute().parent, kind, target)


def _server(directory: Path, kind: str, target: dict[str, Any]) -> CodeServer:
    if kind == "python_module":
        what = ["--module-name", target["module_name"]]
    else:
        what = ["--python-file", str(directory / target["relative_path"])]
    wanted = _interpreter(directory, target.get("executable_path") or sys.executable)
    python = shutil.which(wanted)
    if python is None:
        # The others run, and what is wrong with this one is read where locations are.
        python, what = sys.executable, ["--python-file", NO_INTERPRETER, "--attribute", wanted]
    port = free_port()
    working = directory / target.get("working_directory", ".")
    command = [
        python, "-m", "dagster", "api", "grpc", "--host", HOST, "--port", str(port),
        "--lazy-load-user-code", "--location-name", target["location_name"],
        "--working-directory", str(working), "--log-level", "warning", *what,
    ]  # fmt: skip
    return CodeServer(target["location_name"], tuple(map(str, command)), port)


def _interpreter(directory: Path, given: str) -> str:
    """The interpreter that an entry names: a command, or a path from its workspace file."""
    path = Path(given).expanduser()
    return given if path.name == given else str(directory / path)
