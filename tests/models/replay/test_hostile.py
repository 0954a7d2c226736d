"""Models that hang, die, leave processes behind, flood, or write where they should not."""

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coordinator_pipelines.models.replay.replay_models import ReplayModels
from tests.models.replay.conftest import OPEN

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux hands orphans to the process that watches them"
)
SPAWN = "subprocess.Popen(['sleep', '300'], start_new_session=True)"


def outcomes(answers):
    return [answer.outcome.value for answer in answers]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def all_gone(pids, seconds: float = 60.0) -> bool:
    """Whether processes end soon: the kernel tells by a process descriptor, no clock is polled."""
    deadline = time.monotonic() + seconds
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        finally:
            os.close(descriptor)
    return all(gone(pid) for pid in pids)


def test_a_hang_costs_its_call_and_the_model_goes_on_with_all_ticks(ask_models, write_model):
    answers = ask_models(write_model(predict="if k == 1: time.sleep(99)\nreturn self.seen"))
    assert outcomes(answers) == ["SUCCESS", "TIMEOUT", "SUCCESS"]
    assert answers[1].reason == "predict took longer than 0.3 s"
    assert json.loads(answers[2].output) == ["history", 0, 1, 2]


def test_an_answer_that_comes_late_is_late_even_if_it_comes(ask_models, write_model):
    answers = ask_models(write_model(predict="if k == 1: time.sleep(0.4)\nreturn self.seen"))
    assert outcomes(answers) == ["SUCCESS", "TIMEOUT", "SUCCESS"]


def test_a_hang_that_ignores_signals_ends_too(ask_models, write_model):
    before = "for number in (15, 2, 14): signal.signal(number, signal.SIG_IGN)"
    predict = "while k == 1: pass\nreturn k"
    answers = ask_models(write_model(before=before, predict=predict))
    assert outcomes(answers) == ["SUCCESS", "TIMEOUT", "SUCCESS"]


def test_a_hanging_tick_costs_its_question_and_is_not_given_again(ask_models, write_model):
    body = """
    def tick(self, data):
        if data == 1: time.sleep(99)
        super().tick(data)
    """
    answers = ask_models(write_model(body=body, predict="return self.seen"))
    assert outcomes(answers) == ["SUCCESS", "TIMEOUT", "SUCCESS"]
    assert answers[1].reason == "tick took longer than 0.3 s"
    assert json.loads(answers[2].output) == ["history", 0, 2]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "def __init__(self): time.sleep(99)",
            ("ABSENT", "setup failed: the constructor took lon"),
        ),
        (
            "def __init__(self): os._exit(3)",
            ("ABSENT", "setup failed: the process exited with cod"),
        ),
        (
            "def tick(self, data): time.sleep(99)",
            ("TIMEOUT", "history tick took longer than 0.4 s"),
        ),
        ("def tick(self, data): sys.exit(3)", ("FAILED", "history tick: the process exited with ")),
    ],
)
def test_setting_up_has_a_deadline_and_is_not_tried_twice(
    ask_models, write_model, make_ask, body, expected
):
    limits = dataclasses.replace(make_ask().limits, setup_timeout_seconds=0.4)
    model = write_model(body=body)
    ask_models(write_model("other"))
    answers = ask_models(model, ask=make_ask(limits=limits))
    outcome, reason = expected
    assert outcomes(answers) == [outcome] * 3
    assert answers[0].reason.startswith(reason)


def test_an_import_that_hangs_is_cut_off_and_given_up(ask_models, write_model, make_ask):
    limits = dataclasses.replace(make_ask().limits, setup_timeout_seconds=0.4)
    model = write_model(main="import time; time.sleep(99)")
    for _ in range(4):
        answers = ask_models(model, ask=make_ask(limits=limits))
        assert outcomes(answers) == ["ABSENT"] * 3
        assert answers[0].reason == "import failed: it took longer than 0.4 s"


@pytest.mark.parametrize(
    ("death", "reason"),
    [
        ("os._exit(3)", "the process exited with code 3"),
        ("sys.exit(5)", "the process exited with code 5"),
        ("sys.exit('no')", "the process exited with code 1"),
        ("sys.exit()", "the process exited with code 0"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the process died of SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "the process died of SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "the process died of SIGSEGV"),
    ],
)
def test_a_death_costs_its_call_and_the_model_goes_on(ask_models, write_model, death, reason):
    model = write_model(predict=f"if k == 1: {death}\nreturn self.seen")
    answers = ask_models(model)
    assert outcomes(answers) == ["SUCCESS", "FAILED", "SUCCESS"]
    assert answers[1].reason == reason
    assert json.loads(answers[2].output) == ["history", 0, 1, 2]


def test_after_the_last_restart_nothing_more_is_asked(ask_models, write_model, make_ask):
    model = write_model(predict="if k: os._exit(3)\nreturn k")
    answers = ask_models(model, ask=make_ask(rounds=6))
    assert outcomes(answers) == ["SUCCESS"] + ["FAILED"] * 5
    assert answers[3].reason == "the process exited with code 3"
    assert answers[4].reason == "not asked: restarted 2 times in this window"


def test_a_model_that_hangs_when_it_catches_up_is_given_up(ask_models, write_model, tmp_path):
    mark = tmp_path / "mark"
    body = f"""
    def tick(self, data):
        if data == 0 and os.path.exists({str(mark)!r}): time.sleep(99)
    """
    predict = f"if k == 1: open({str(mark)!r}, 'w'); os._exit(3)\nreturn k"
    answers = ask_models(write_model(body=body, predict=predict))
    assert outcomes(answers) == ["SUCCESS", "FAILED", "TIMEOUT"]
    assert answers[2].reason == "a tick given again after a restart took longer than 0.3 s"


def test_the_other_models_do_not_notice(ask_models, write_model):
    bad = write_model("bad", predict="os._exit(3)")
    hung = write_model("hung", predict="time.sleep(99)")
    good = write_model("good", predict="return k")
    answers = ask_models(bad, good, hung)
    assert outcomes(answers) == ["FAILED"] * 3 + ["SUCCESS"] * 3 + ["TIMEOUT"] * 3


@linux_only
def test_processes_left_behind_are_killed_with_the_ask(ask_models, write_model):
    double_fork = """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: time.sleep(300)
        os._exit(0)
    """
    predict = f"pid = {SPAWN}.pid\n{double_fork.strip()}\nreturn pid"
    pids = ask_models.outputs(write_model(predict=predict.replace("\n    ", "\n")))
    assert all(isinstance(pid, int) for pid in pids)
    assert all_gone(pids)


def test_a_flood_of_output_is_drained_and_the_log_stays_bounded(ask_models, write_model, tmp_path):
    model = write_model(predict="for _ in range(200): print('x' * 100_000)\nreturn k")
    limits_hold = ask_models.outputs(model)
    ask_models.models.close()
    logs = list((tmp_path / "logs").iterdir())
    assert limits_hold == [0, 1, 2]
    assert sum(path.stat().st_size for path in logs) <= 8_000_000


RUBBISH = """
for fd in range(3, 64):
    try: os.write(fd, {rubbish})
    except OSError: pass
return k
"""


@pytest.mark.parametrize(
    "rubbish",
    [
        r"b'rubbish\n'",
        r"b'R 99 0.1 1\n'",
        r"b'RN 0 0.1 1\n'",
        r"b'R 0 nan 1\n'",
        r"b'R 0 0.1 {\n'",
        r"b'\xff\x00' * 40000",
        r"b'pid 1\nexit 0\n'",
        r"b'[' * 5000 + b'\n'",
        r"b'R 0 0.1 ' + b'[' * 1900 + b'\n'",
    ],
)
def test_rubbish_in_every_descriptor_is_a_protocol_violation(ask_models, write_model, rubbish):
    model = write_model(predict=RUBBISH.format(rubbish=rubbish))
    answers = ask_models(model, write_model("good"))
    assert outcomes(answers)[:3] == ["FAILED"] * 3
    assert answers[0].reason.startswith("protocol violation")
    assert outcomes(answers)[3:] == ["SUCCESS"] * 3


@pytest.mark.parametrize("rubbish", [r"b'rubbish\n'", r"b'pid 1\npid x\n'", r"b'x' * 100000"])
def test_rubbish_from_an_import_ends_in_an_answer(ask_models, write_model, rubbish):
    before = f"os.set_blocking(int(sys.argv[-1]) if len(sys.argv) > 1 else 0, False)\n{RUBBISH}"
    before = before.format(rubbish=rubbish).replace("return k", "")
    answers = ask_models(write_model(before=before), write_model("good"))
    assert len(answers) == 6
    assert outcomes(answers)[3:] == ["SUCCESS"] * 3


@pytest.mark.parametrize("code", ["os.closerange(3, 64)", "os.close(1); os.close(2)"])
def test_closing_descriptors_harms_only_the_model(ask_models, write_model, code):
    answers = ask_models(write_model(predict=f"{code}\nreturn k"), write_model("good"))
    assert outcomes(answers)[3:] == ["SUCCESS"] * 3


def test_a_model_that_kills_its_watcher_loses_one_ask_only(ask_models, write_model, make_ask):
    predict = """
    if self.seen[0] == 'kill':
        for _ in range(2):
            pid = os.getppid() if _ == 0 else int(open(f'/proc/{pid}/stat').read().split()[3])
        os.kill(pid, signal.SIGKILL)
        time.sleep(99)
    return k
    """
    model = write_model(predict=predict)
    answers = ask_models(model, ask=dataclasses.replace(make_ask(), history=("kill",)))
    assert outcomes(answers) == ["FAILED"] * 3
    assert answers[0].reason == "the worker's process is gone"
    assert outcomes(ask_models(model)) == ["SUCCESS"] * 3


def test_the_environment_holds_no_secrets(ask_models, write_model, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    environment = ask_models.outputs(write_model(predict="return dict(os.environ)"))[0]
    assert set(environment) - {"LC_CTYPE", "PWD"} == {
        *("PATH", "HOME", "TMPDIR", "LANG", "TZ", "PYTHONHASHSEED", "PYTHONPATH"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "PYTHONUNBUFFERED"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    }
    assert environment["HOME"] != str(Path.home())


@linux_only
def test_after_close_every_process_and_directory_is_gone(tmp_path, write_model, make_ask):
    before = f"helper = {SPAWN}"
    predict = f"""
    open(os.environ['HOME'] + '/x', 'w')
    other = {SPAWN}
    return [os.getpid(), os.getppid(), helper.pid, other.pid, os.environ['HOME']]
    """
    model = write_model(before=before, predict=predict)
    with ReplayModels(base_class="tracker.TrackerBase", lodging=OPEN, log_dir=tmp_path) as models:
        [(_, answers)] = models.ask_each([(make_ask(), [model])])
    *pids, home = json.loads(answers[0].output)
    assert all_gone(pids)
    assert not Path(home).exists()


def test_closing_in_the_middle_of_a_hang_is_prompt(tmp_path, write_model, make_ask):
    limits = dataclasses.replace(make_ask().limits, call_timeout_seconds=99.0)
    model = write_model(predict="time.sleep(99)")
    started = time.monotonic()
    with ReplayModels(
        base_class="tracker.TrackerBase", lodging=OPEN, log_dir=tmp_path, ahead=1
    ) as models:
        next(models.ask_each([(make_ask(), []), (make_ask(limits=limits), [model])]))
    assert time.monotonic() - started < 10


PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import conftest
from coordinator_pipelines.models.replay.replay_models import ReplayModels
from coordinator_pipelines.domain.doors.models import Limits, Member
limits = Limits(60.0, 60.0, 1000, 1)
member = Member("model", "model", "owner", "account", "hash", Path({directory!r}))
given = {{"base_class": "tracker.TrackerBase", "lodging": conftest.OPEN}}
with ReplayModels(log_dir=Path({logs!r}), **given) as models:
    list(models.ask_each([(conftest.build_ask(limits=limits), [member])]))
"""


@linux_only
def test_after_a_kill_of_the_coordinator_every_process_is_gone(tmp_path, write_model):
    fifo = tmp_path / "pids"
    os.mkfifo(fifo)
    predict = f"""
    grandchild = {SPAWN}
    watcher = int(open('/proc/%d/stat' % os.getppid()).read().split()[3])
    pids = os.getpid(), os.getppid(), grandchild.pid, watcher
    open({str(fifo)!r}, 'w').write(' '.join(map(str, pids)))
    time.sleep(99)
    """
    model = write_model(predict=predict)
    code = PARENT.format(
        tests=str(Path(__file__).parent), directory=str(model.directory), logs=str(tmp_path)
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    pids = [int(word) for word in fifo.read_text().split()]
    assert len(pids) == 4
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert all_gone(pids)
