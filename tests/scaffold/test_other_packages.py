"""Challenges whose models inherit from a class of somebody else's package."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.scaffold.interface import describe_interface
from coordinator_pipelines.spec_file import load_challenge
from tests.command import Commands
from tests.scaffold.conftest import Make, importable, loaded, run_tests

BASE = """
from abc import ABC, abstractmethod


class TrackerBase(ABC):
    @abstractmethod
    def tick(self, data): ...

    @abstractmethod
    def predict(self, asset, horizon, step): ...
"""
PATH = "birds.trackers.trackerbase.TrackerBase"


@pytest.fixture
def birds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with a sub-package, importable here and in what a test starts."""
    module = tmp_path / "site" / "birds" / "trackers" / "trackerbase.py"
    module.parent.mkdir(parents=True)
    for directory in (module.parent, module.parents[1]):
        (directory / "__init__.py").touch()
    module.write_text(BASE)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    yield tmp_path / "site"
    for name in [name for name in sys.modules if name.partition(".")[0] == "birds"]:
        del sys.modules[name]


@pytest.mark.usefixtures("birds")
def test_a_base_class_of_another_package_is_what_the_generated_models_inherit_from(make: Make):
    created = make(model_base_classname=PATH)
    challenge = load_challenge(created.node / "spec.yaml")
    assert challenge.model_base_classname == PATH
    written = yaml.safe_load((created.node / "models.yaml").read_text())
    assert written["requirements"] == ["birds"]
    assert written["shared_modules"] == ["crunch_btc_trader.helper"]
    public = created.workspace / "crunch-btc-trader"
    assert 'dependencies = ["birds"]' in (public / "pyproject.toml").read_text()
    assert PATH in (public / "README.md").read_text()
    example = (public / "examples" / "momentum" / "main.py").read_text()
    assert "class Momentum(ModelHelper, TrackerBase):" in example
    assert loaded(created)
    done = run_tests(created)
    assert done.returncode == 0, done.stdout


def test_so_it_is_for_a_question_without_ticks(make: Make, birds: Path):
    module = birds / "birds" / "trackers" / "trackerbase.py"
    module.write_text(BASE.replace("    @abstractmethod\n    def tick(self, data): ...\n", ""))
    created = make(model_base_classname=PATH, preset="tournament")
    done = run_tests(created)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("path", "package"),
    [
        (PATH, "birds"),
        ("crunch_synth.tracker.TrackerBase", "crunch-synth"),
        ("crunch_synth.TrackerBase", "crunch-synth"),
        ("dagster_pipes.Model", "dagster-pipes"),
        ("yaml.nodes.Node", "PyYAML"),
        ("tracker.TrackerBase", None),
        ("iface.Model", None),
        ("crunch_a.iface.Model", None),
    ],
)
def test_the_package_of_a_base_class_is_told(tmp_path: Path, path: str, package: str | None):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"spec_version": "1", "name": "a", "model_base_classname": path}))
    said = Commands(tmp_path).succeed("doctor", "--spec", str(spec))
    line = f"- models require the package {package}, for their base class"
    assert (line in said) == (package is not None)
    assert f"- model_base_classname: {path}" in said


def interface(created: Any, **changes: Any) -> str:
    """What is found of the interface, with other entries in the models file."""
    path = created.node / "models.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    challenge = load_challenge(created.node / "spec.yaml")
    with importable(created):
        return describe_interface(challenge, Roster.load(path))


def test_a_generated_interface_is_shared(make: Make):
    assert interface(make()) == "crunch_btc_trader.tracker.TrackerBase, which is shared with models"


def test_an_interface_that_models_cannot_import_is_wrong(make: Make):
    with pytest.raises(
        CoordinatorError, match="no model can import tracker: list the module under"
    ):
        interface(make(), shared_modules=[])


def test_a_class_that_the_shared_module_lacks_is_wrong(make: Make):
    created = make(model_base_classname="tracker.Base")
    spec = created.node / "spec.yaml"
    spec.write_text(spec.read_text().replace("tracker.Base", "tracker.Bse"))
    with pytest.raises(CoordinatorError, match=r"crunch_btc_trader\.tracker has no class Bse"):
        interface(created)


@pytest.mark.usefixtures("birds")
def test_a_package_that_is_neither_shared_nor_required_is_wrong(make: Make):
    created = make(model_base_classname=PATH)
    said = interface(created)
    assert said.startswith(f"{PATH}, of a package that models require")
    with pytest.raises(CoordinatorError, match=r"no model can import birds\.trackers\."):
        interface(created, requirements=[])


def test_each_model_may_bring_the_interface(make: Make):
    created = make()
    for main in created.workspace.glob("crunch-btc-trader/examples/*/main.py"):
        main.with_name("tracker.py").write_text("class TrackerBase: pass\n")
    assert interface(created, shared_modules=[]).endswith("which each model brings along")


NEEDY = BASE.replace("tick(self, data)", "tick(self, data, performance_metrics)")
SPLIT = BASE.replace("predict(self, asset, horizon, step)", "predict(self, asset, *, horizon=1)")


@pytest.mark.parametrize(
    ("source", "interface_", "said"),
    [
        (NEEDY, {}, "TrackerBase.tick needs 'performance_metrics', which nothing gives it; "),
        (NEEDY, {"tick_argument": "payload"}, "TrackerBase.tick needs 'data', which nothing"),
        (SPLIT, {}, "TrackerBase.predict takes 1 arguments by position and is given 3; give it a"),
        (BASE, {"predict_arguments": {"asset": "asset"}}, "TrackerBase.predict needs 'horizon'"),
        (NEEDY, {"tick_constants": {"performance_metrics": {}}}, None),
        (SPLIT, {"predict_by": "keyword"}, None),
        ("class TrackerBase: pass\n", {}, None),
    ],
)
def test_what_a_base_class_needs_and_is_not_given_is_named(
    make: Make, source: str, interface_: dict[str, Any], said: str | None
):
    created = make()
    module = created.workspace / "crunch-btc-trader" / "crunch_btc_trader" / "tracker.py"
    module.write_text(source)
    spec = created.node / "spec.yaml"
    content = yaml.safe_load(spec.read_text())
    spec.write_text(yaml.safe_dump(content | {"model_interface": interface_}))
    if said is None:
        assert interface(created).endswith("TrackerBase, which is shared with models")
        return
    with pytest.raises(CoordinatorError) as refused:
        interface(created)
    assert str(refused.value).startswith(f"model_interface: crunch_btc_trader.tracker.{said}")
