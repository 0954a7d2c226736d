"""The participant's side of a replay: imports one model once, then forks a child per attempt.

Run by ``process.py`` as ``python -c TEXT_OF_THIS BASE_CLASS CONTROL_FD``, in a sandbox where that
can be had, with the model's directory as working directory. Standard library only, and nothing of
this project is imported: participants' code shares this process. Add here what must happen next to
that code; avoid deadlines, restarts and verdicts, which belong to the worker that watches from
outside.

What is used on the hot path is bound to names at the top, before the model could replace it.

Lines to the worker, on the control socket: ``ready``, ``failed REASON`` (JSON), and for each
attempt ``pid N``, ``exit STATUS``. A child writes to its own pipe one line per thing done,
``KIND STEP MILLISECONDS TEXT``:

==== ============================================================= ============================
C A  the constructor returned, or raised                           A: reason, as a JSON string
H F  the history ticks returned, or one raised                     F: reason, as a JSON string
U    a tick that an earlier attempt had reached was given again
T    a tick of a question was given
R    a call returned                                               the answer as JSON
N    a call returned None
E    a call raised, or what it returned is no JSON, or too big      reason, as a JSON string
K    a call was not made because a tick before it raised            reason, as a JSON string
==== ============================================================= ============================
"""

import ctypes
import gc
import importlib
import inspect
import os
import pkgutil
import random
import signal
import socket
import sys
import traceback
from contextlib import suppress
from json import dumps, loads
from os import write
from pathlib import Path
from time import perf_counter
from typing import Any

REASON_CHARACTERS = 500
CRASHED = 70
PR_SET_PDEATHSIG = 1


def load_base(path: str) -> type:
    """The base class, imported by its whole name.

    Raises:
        LookupError: its module has no such class.
        BaseException: whatever importing its module raises.
    """
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, type):
        raise LookupError(f"{module} has no class {name}")
    return found


def find_model(directory: Path, base_path: str) -> type:
    """The class that the published runner would take: the first that inherits from the base class.

    Modules come in the order of their names, classes too; those of the base class's own package
    are no models. A module that cannot be imported is passed over, and is the reason if no model
    is found.

    Raises:
        LookupError: there is none.
        BaseException: whatever importing the base class or the model's modules raises.
    """
    base, package = load_base(base_path), base_path.partition(".")[0]
    broken: Exception | None = None
    for found in pkgutil.walk_packages([str(directory)]):
        try:
            module = importlib.import_module(found.name)
        except Exception as error:  # noqa: BLE001 - participants' code
            log_traceback(f"{found.name} cannot be imported")
            broken = broken or error
            continue
        for _, candidate in inspect.getmembers(module, inspect.isclass):
            home = str(getattr(candidate, "__module__", "")).partition(".")[0]
            if candidate is not base and home != package and issubclass(candidate, base):
                return candidate
    raise broken or LookupError(f"no class inherits from {base_path}")


def describe(error: BaseException) -> str:
    """``Type: text`` of an exception, bounded; survives an exception that cannot say its text."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - __str__ is participants' code
        text = type(error).__name__
    return text[:REASON_CHARACTERS]


def log_traceback(title: str) -> None:
    """Write the traceback at hand to the model's log, where its author can read it."""
    with suppress(Exception):
        sys.stderr.write(f"{title}\n{traceback.format_exc()}\n")


def written(answer: Any) -> str:
    """An answer as JSON text, as it would come back over the published protocol.

    Raises:
        Exception: it would not.
    """
    if isinstance(answer, str):
        answer.encode()
    elif isinstance(answer, int):
        int(answer).to_bytes(8, "little", signed=True)
        return dumps(int(answer))
    elif not isinstance(answer, float | dict | list):
        raise TypeError(f"{type(answer).__name__} is not JSON; answer a number, text, dict or list")
    return dumps(answer)


def encode(answer: Any, output_bytes: int) -> tuple[str, str]:
    """Kind of line and text for what a call returned."""
    if answer is None:
        return "N", ""
    try:
        text = written(answer)
    except Exception as error:  # noqa: BLE001 - encoding runs participants' code
        return "E", dumps(f"the answer cannot be written as JSON: {describe(error)}"[:500])
    if len(text) > output_bytes:
        too_big = f"the answer has {len(text)} bytes of JSON; at most {output_bytes} are allowed"
        return "E", dumps(too_big)
    return "R", text


class Attempt:
    """One pass through an ask, in a process of its own."""

    def __init__(self, model_class: type, ask: dict[str, Any], results: int) -> None:
        self._class = model_class
        self._ask = ask
        self._results = results
        self._model: Any = None
        self._methods: dict[str, tuple[Any, list[str]]] = {}

    def run(self) -> None:
        """Set up, catch up with the ticks before step ``first``, then go on from there."""
        self._seed()
        if not self._set_up("A", "C", "the constructor", self._construct):
            return
        if not self._set_up("F", "H", "the history tick", self._tell_history):
            return
        step = 0
        for question in self._ask["questions"]:
            step = self._question(question, step)

    def _seed(self) -> None:
        random.seed(self._ask["seed"])
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            numpy.random.seed(random.Random(self._ask["seed"]).getrandbits(32))

    def _construct(self) -> None:
        self._model = self._class()

    def _tell(self, data: Any) -> None:
        ask = self._ask
        given = loads(ask["tick_keywords"])  # anew: what the model does to it ends with the call
        if ask["tick_argument"] is None:
            self._do(ask["tick_method"], [data], given)
        else:
            self._do(ask["tick_method"], [], {ask["tick_argument"]: data, **given})

    def _do(self, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
        """Call a method as the published runner does: looked up once, with what it names."""
        if name not in self._methods:
            method = getattr(self._model, name)
            self._methods[name] = method, list(inspect.signature(method).parameters)
        method, parameters = self._methods[name]
        named = parameters[len(args) :]
        return method(*args, **{key: value for key, value in kwargs.items() if key in named})

    def _tell_history(self) -> None:
        for data in self._ask["history"]:
            self._tell(data)

    def _set_up(self, bad: str, good: str, title: str, action: Any) -> bool:
        try:
            action()
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - participants' code
            log_traceback(f"{self._ask['name']}: {title} raised")
            self._say(bad, 0, 0.0, dumps(describe(error)))
            return False
        self._say(good, 0, 0.0, "")
        return True

    def _question(self, question: dict[str, Any], step: int) -> int:
        first = self._ask["first"]
        failed = None
        for data in question["ticks"]:
            if step not in self._ask["skip"]:
                started = perf_counter()
                raised = self._tick(question["at"], data)
                failed = failed or raised
                kind = "U" if step < first else "T"
                self._say(kind, step, perf_counter() - started, "")
            step += 1
        for args, kwargs in question["calls"]:
            if step >= first and failed:
                self._say("K", step, 0.0, failed)
            elif step >= first:
                self._call(question, step, args, kwargs)
            step += 1
        return step

    def _tick(self, at: str, data: Any) -> str | None:
        try:
            self._tell(data)
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - participants' code
            log_traceback(f"{self._ask['name']}: tick at {at} raised")
            return dumps(f"tick raised {describe(error)}"[:REASON_CHARACTERS])
        return None

    def _call(self, question: dict[str, Any], step: int, args: Any, kwargs: Any) -> None:
        started = perf_counter()
        try:
            given = {**kwargs, **loads(self._ask["predict_keywords"])}
            answer = self._do(self._ask["predict_method"], args, given)
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001 - participants' code
            elapsed = perf_counter() - started
            log_traceback(f"{self._ask['name']}: predict at {question['at']} raised")
            self._say("E", step, elapsed, dumps(describe(error)))
            return
        elapsed = perf_counter() - started
        kind, text = encode(answer, self._ask["output_bytes"])
        self._say(kind, step, elapsed, text)

    def _say(self, kind: str, step: int, seconds: float, text: str) -> None:
        line = f"{kind} {step} {seconds * 1000:.3f} {text}\n".encode()
        while line:
            line = line[write(self._results, line) :]


def die_with_parent() -> None:
    """Ask the kernel (Linux) to kill this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def exit_code(error: SystemExit) -> int:
    """The code with which the interpreter would leave for this SystemExit."""
    if isinstance(error.code, int):
        return error.code & 0xFF
    return 0 if error.code is None else 1


def attempt(model_class: type, request: int, results: int) -> int:
    """Play the ask that the request file holds; the exit code of this process."""
    os.setpgid(0, 0)
    die_with_parent()
    try:
        head, _, body = os.pread(request, os.fstat(request).st_size, 0).partition(b"\n")
        os.close(request)
        Attempt(model_class, {**loads(head), **loads(body)}, results).run()
    except SystemExit as error:
        return exit_code(error)
    except BaseException:  # noqa: BLE001 - whatever the model did to this process stays in it
        log_traceback("the replay of this model broke")
        return CRASHED
    return 0


def serve(control: socket.socket, model_class: type) -> None:
    """Fork a child for each pair (request file, result pipe) that comes over the socket."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if len(descriptors) != 2:
            return
        child = os.fork()
        if child == 0:
            control.close()
            os._exit(attempt(model_class, *descriptors))
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(b"pid %d\n" % child)
        control.sendall(b"exit %d\n" % os.waitpid(child, 0)[1])


def main() -> None:
    """Import the model, say how it went, and serve attempts until the worker is gone."""
    base_class, control = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    sys.argv[1:] = []
    sys.path.append(str(Path.cwd()))  # as the published runner has it
    try:
        model_class = find_model(Path.cwd(), base_class)
    except BaseException as error:  # noqa: BLE001 - participants' code, sys.exit() included
        log_traceback("import failed")
        control.sendall(f"failed {dumps(f'import failed: {describe(error)}'[:500])}\n".encode())
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    gc.collect()
    gc.freeze()
    control.sendall(b"ready\n")
    serve(control, model_class)


if __name__ == "__main__":
    main()
