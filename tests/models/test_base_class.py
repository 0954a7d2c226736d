"""One name for the base class, and shared modules beside what is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from coordinator_pipelines.domain.values.errors import RosterError
from coordinator_pipelines.models.base_class import base_class
from coordinator_pipelines.models.shared_modules import lay_out

TRACKER = "class TrackerBase:\n    origin = {!r}\n"


@pytest.mark.parametrize(
    ("path", "shared", "resolved"),
    [
        ("tracker.TrackerBase", [], "tracker.TrackerBase"),
        ("tracker.TrackerBase", ["my.game.tracker"], "my.game.tracker.TrackerBase"),
        ("tracker.TrackerBase", ["my.game.tracker", "tracker"], "tracker.TrackerBase"),
        ("tracker.TrackerBase", ["my.game.other_tracker"], "tracker.TrackerBase"),
        ("crunch_synth.tracker.TrackerBase", [], "crunch_synth.tracker.TrackerBase"),
        ("crunch_synth.TrackerBase", ["crunch_synth.tracker"], "crunch_synth.TrackerBase"),
        ("game.tracker.Base", ["my.game.tracker"], "my.game.tracker.Base"),
    ],
)
def test_the_base_class_has_one_name(path, shared, resolved):
    assert base_class(path, shared) == resolved


class Package:
    """A package that is installed where the coordinator is, another that is for models."""

    def __init__(self, root: Path) -> None:
        self.here, self.there, self.shared = root / "here", root / "there", root / "shared"

    def install(self, directory: Path, name: str, modules: dict[str, str]) -> None:
        for path, text in {"__init__": "", **modules}.items():
            file = directory / name / f"{path}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def run(self, code: str, base: str, *modules: str, brought: str | None = None) -> str:
        lay_out(modules, base, "crunch_own", self.shared)
        model = self.shared.parent / "model"
        model.mkdir()
        if brought is not None:
            (model / "tracker.py").write_text(brought)
        code = f"import sys\nsys.path.append({str(model)!r})\n{code}"
        done = subprocess.run(
            [sys.executable, "-P", "-s", "-c", code],
            env={"PYTHONPATH": f"{self.shared}:{self.there}"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.fixture
def package(tmp_path, monkeypatch):
    made = Package(tmp_path)
    made.install(made.here, "game_x", {"tracker": TRACKER.format("shared"), "more": "x = 1"})
    monkeypatch.syspath_prepend(made.here)
    for name in [name for name in sys.modules if name.startswith("game_x")]:
        monkeypatch.delitem(sys.modules, name)
    return made


WHOLE = """
import game_x, game_x.utils, game_x.tracker
print(game_x.VERSION, game_x.utils.x, game_x.tracker.TrackerBase.origin)
"""


def test_what_is_shared_hides_nothing_of_the_package_that_is_installed(package):
    modules = {"__init__": "VERSION = 2", "utils": "x = 3", "tracker": TRACKER.format("installed")}
    package.install(package.there, "game_x", modules)
    assert package.run(WHOLE, "game_x.tracker.TrackerBase", "game_x.tracker") == "2 3 installed"


def test_what_the_installed_package_lacks_is_added(package):
    package.install(package.there, "game_x", {"__init__": "VERSION = 2", "utils": "x = 3"})
    assert package.run(WHOLE, "game_x.tracker.TrackerBase", "game_x.tracker") == "2 3 shared"


def test_only_what_is_shared_is_there(package):
    code = "import game_x.tracker\nimport game_x.more"
    said = package.run(code, "game_x.tracker.TrackerBase", "game_x.tracker")
    assert said == "ModuleNotFoundError: No module named 'game_x.more'"


def test_the_short_name_is_the_shared_module_whatever_a_model_brings(package):
    code = "import tracker, game_x.tracker\nprint(tracker is game_x.tracker)"
    said = package.run(code, "tracker.TrackerBase", "game_x.tracker", brought="1 / 0")
    assert said == "True"


ORIGIN = "import tracker\nprint(tracker.TrackerBase.origin)"


def test_where_nothing_is_shared_a_model_may_bring_the_module(package):
    brought = TRACKER.format("brought")
    assert package.run(ORIGIN, "tracker.TrackerBase", brought=brought) == "brought"


def test_where_nothing_is_shared_the_challenges_own_package_may_be_installed(package):
    package.install(package.there, "crunch_own", {"tracker": TRACKER.format("own")})
    assert package.run(ORIGIN, "tracker.TrackerBase") == "own"


def test_a_shared_module_that_is_not_there_is_named(package):
    with pytest.raises(RosterError, match=r"shared_modules: 'game_x\.none' cannot"):
        package.run("", "tracker.TrackerBase", "game_x.none")
