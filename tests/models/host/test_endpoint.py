"""Whose words come out at a model's socket: its own, whatever it does to paths it can reach."""

import os

import pytest

from coordinator_pipelines.domain.doors.models import Outcome
from tests.models.live.conftest import eventually

pytestmark = pytest.mark.slow

HEAD = "from coordinator_pipelines.starter.tracker import TrackerBase\n"
BODY = """
class Model(TrackerBase):
    def __init__(self):
        super().__init__()
        {made}
    def predict(self, *given):
        {asked}
        return "mine"
"""
LINK = """
import glob, os
def attack():
    places = [each for top in ("/run/model", "/tmp", "/model/resources", {elsewhere!r})
              for each in glob.glob(top + "/**/*.sock", recursive=True)]
    for place in [*places, "/run/model/model.sock", "/tmp/model.sock", "/tmp/runner.sock"]:
        try:
            os.path.lexists(place) and os.rename(place, place + ".before")
            os.symlink({victim!r}, place)
        except OSError:
            pass
"""
LISTEN_ELSEWHERE = """
import os, socket
def attack():
    for number in range(3, 64):
        try:
            held = socket.socket(fileno=os.dup(number))
            if held.family == socket.AF_UNIX and held.getsockopt(socket.SOL_SOCKET, 30):
                held.connect({victim!r})
        except OSError:
            pass
"""


@pytest.mark.parametrize(
    ("attack", "moment"),
    [(LINK, "imported"), (LINK, "made"), (LINK, "asked"), (LISTEN_ELSEWHERE, "asked")],
    ids=["link-when-imported", "link-when-made", "link-when-asked", "connected-to-the-rival"],
)
def test_a_model_cannot_answer_with_the_answers_of_another(host, attack, moment):
    host.write("victim", "return 'a secret'")
    host.up().connect()
    host.joined("victim", seconds=60)
    [victim] = host.temporary.rglob("model.sock")
    does = {each: "attack()" * (each == moment) or "pass" for each in ("made", "asked")}
    code = attack.format(victim=str(victim), elsewhere=str(host.temporary)) + BODY.format(**does)
    host.write("thief", main=f"{HEAD}{code}{'attack()' * (moment == 'imported')}\n")
    host.write_spec()
    eventually(lambda: host.status("thief") not in (None, "RUNNER_INITIALIZING"), seconds=60)
    for _ in range(5):
        answers = host.ask()
        assert answers["victim"].output == '"a secret"'
        if "thief" in answers:
            assert answers["thief"].output in (None, '"mine"')


def test_no_socket_lies_where_a_model_can_write(host):
    host.write("model")
    host.up().connect()
    host.joined("model")
    [socket] = host.temporary.rglob("model.sock")
    assert socket.stat().st_uid == socket.parent.stat().st_uid == os.geteuid()
    assert not socket.parent.stat().st_mode & 0o022


def test_who_stops_listening_is_heard_no_more_and_harms_only_itself(host):
    host.write("quits", "import os\nos.closerange(3, 256)\nreturn 1")
    host.write("good")
    host.up().connect()
    host.joined("quits", "good", seconds=60)
    for _ in range(3):
        answers = host.ask()
        assert answers["good"].outcome is Outcome.SUCCESS
        assert "quits" not in answers or answers["quits"].outcome is not Outcome.SUCCESS
