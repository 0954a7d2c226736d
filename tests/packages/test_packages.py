"""Other people's packages, unmodified: live, in a replay and by themselves they say the same.

Each directory here has the shape of a package that is published somewhere, with what a challenge
adds to it and models as participants hand them in. What a model answers live (the real host, the
published runner, the protocol) and in a replay (a sandboxed worker) is compared byte for byte with
what its own code answers in this process, and scores bit for bit with the package's own scorer.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import yaml

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.feeds.simulated import SimulatedFeed
from coordinator_pipelines.models.runner_environment import RunnerEnvironment
from coordinator_pipelines.starter import tracker
from tests.models.host.conftest import Host
from tests.models.live.conftest import eventually
from tests.specs import changed
from tests.support.live import LIVE, NoThreads, Rehearsal
from tests.support.pipeline import Pipeline
from tests.support.wheel import pack_wheel

HERE = Path(__file__).parent
ASKED_FOR = "COORDINATOR_TEST_PUBLISHED"
INSTALLING = 600.0
WHEELS = ("synth_shape", "bird_shape", "regression_shape")
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
"""Of the window: on a clock that jumps there, after models have joined by the real one."""
QUARTER, MINUTE = timedelta(minutes=15), timedelta(minutes=1)
WARM_UP = timedelta(minutes=20)
QUESTIONS = {"BTC": 300, "ETH": 120}
"""Asset -> horizon in seconds."""


Cells = dict[tuple[str, str, str], tuple[str | None, str | None]]
"""(Model, question, time of the round) -> the answer as JSON text, and the bits of its score."""


class Bar(NamedTuple):
    """A record as the feed has it."""

    ended_at: pd.Timestamp
    asset: str
    record: dict[str, Any]

    @property
    def point(self) -> list[float]:
        """Unix seconds and price."""
        return [int(self.ended_at.timestamp()), self.record["close"]]


@dataclass(frozen=True)
class Shape:
    """A package: how a spec says it is called, and how it is called without us."""

    directory: str
    tell: Callable[[Any, list[Bar]], None]
    ask: Callable[[Any, str, int], Any]
    scorer: Any
    """Module and function."""
    base: str
    interface: dict[str, Any] = field(default_factory=dict)
    callables: dict[str, str] = field(default_factory=dict)
    supplies: dict[str, list[str]] = field(default_factory=dict)
    submitted: str = "models"
    """Where in the directory its models are."""

    @property
    def models(self) -> dict[str, Path]:
        """Their ids and directories."""
        found = sorted((HERE / self.directory / self.submitted).iterdir())
        return {path.name: path for path in found}


def tell_points(model: Any, bars: list[Bar]) -> None:
    """All at once: asset -> points."""
    points: dict[str, list[list[float]]] = {}
    for bar in bars:
        points.setdefault(bar.asset, []).append(bar.point)
    model.tick(points)


def tell_payloads(model: Any, bars: list[Bar]) -> None:
    """Event by event."""
    for bar in bars:
        time, price = bar.point
        model.tick({"falcon_id": bar.asset, "time": time, "dove_location": price}, {})


def tell_candles(model: Any, bars: list[Bar]) -> None:
    """Candles of one symbol at a time."""
    for bar in bars:
        names = ("open", "high", "low", "close", "volume")
        candle = {"ts": bar.point[0], **{name: bar.record[name] for name in names}}
        symbol = {"symbol": bar.asset, "asof_ts": bar.point[0] * 1000}
        model.feed_update({**symbol, "candles_1m": [candle]})


PACKAGES = {"requirements": ["synth-shape", "bird-shape"]}
SYNTH = Shape(
    "synth_shape",
    tell_points,
    lambda model, asset, horizon: model.predict(asset, horizon, 60),
    "synth_shape.scoring:score",
    "synth_shape.tracker.TrackerBase",
    supplies=PACKAGES,
)
SHAPES = {
    "a list of densities": SYNTH,
    "densities of several steps": Shape(
        "synth_shape",
        tell_points,
        lambda model, asset, horizon: model.predict_all(asset, horizon, [60, 120]),
        "synth_shape.scoring:score",
        "synth_shape.TrackerBase",
        {
            "predict_method": "predict_all",
            "predict_arguments": {"asset": "asset", "horizon": "horizon", "steps": "steps"},
        },
        supplies=PACKAGES,
    ),
    "events": Shape(
        "bird_shape",
        tell_payloads,
        lambda model, *_: model.predict(),
        "bird_shape.challenge:score",
        "bird_shape.trackers.trackerbase.TrackerBase",
        {
            "tick_per": "record",
            "tick_constants": {"performance_metrics": {}},
            "predict_arguments": {},
        },
        {"INFERENCE_INPUT_BUILDER": "bird_shape.challenge:build_payload"},
        PACKAGES,
    ),
    "the starter's, and a package that one model requires": Shape(
        "starter_shape",
        tell_points,
        lambda model, asset, horizon: model.predict(asset, horizon, 60),
        "coordinator_pipelines.starter.scoring:score_prediction",
        "tracker.TrackerBase",
        supplies={"shared_modules": [tracker.__name__]},
    ),
    "an interface that models bring along": Shape(
        "successor_shape",
        tell_candles,
        lambda model, asset, horizon: model.predict(asset, horizon, 60),
        "successor_shape.challenge:score",
        "cruncher.ModelBaseClass",
        {
            "tick_method": "feed_update",
            "tick_per": "record",
            "predict_arguments": {
                "subject": "asset", "resolve_horizon_seconds": "horizon", "step_seconds": "step",
            },
        },
        {"RAW_INPUT_PROVIDER": "successor_shape.challenge:provide_input"},
    ),
}  # fmt: skip
PUBLISHED = {
    "crunch-synth": replace(
        SYNTH,
        base="crunch_synth.tracker.TrackerBase",
        supplies={"requirements": ["crunch-synth==0.15.0"]},
        submitted="published",
    ),
    "birdgame": replace(
        SHAPES["events"],
        base="birdgame.trackers.trackerbase.TrackerBase",
        supplies={"requirements": ["birdgame==0.3.1"]},
        submitted="published",
    ),
}


def spec_of(shape: Shape, directory: Path) -> dict[str, Any]:
    """A challenge of the shape: two assets, a round a minute."""
    configs = [
        {
            "id": asset.lower(),
            "scope_key": asset.lower(),
            "scope_template": {"asset": asset, "horizon": horizon, "step": 60}
            | ({"steps": [60, 120]} if "predict_method" in shape.interface else {}),
            "schedule": {"every_seconds": 60},
        }
        for asset, horizon in QUESTIONS.items()
    ]
    return changed(
        {
            "name": "shaped",
            "start": (START - timedelta(days=1)).isoformat(),
            "crunch_id": "starter-challenge",
            "replay_allowed": True,
            "warm_up_seconds": int(WARM_UP.total_seconds()),
            "feed.subjects": {"BTC": "BTCUSDT", "ETH": "ETHUSDT"},
            "feed.granularity_seconds": 60,
            "feed.staleness_limit_seconds": 180,
            "models_file": str(directory / "models.yaml"),
            "model_base_classname": shape.base,
            "model_interface": shape.interface,
            "callables": {**shape.callables, "SCORING_FUNCTION": shape.scorer},
            "scheduled_prediction_configs": configs,
            "limits": {"call_timeout_seconds": 10.0, "setup_timeout_seconds": 30.0},
        },
        LIVE,
    )


@dataclass
class Trial:
    """A challenge of a shape, and all that is run of it."""

    shape: Shape
    challenge: Challenge
    host: Host
    clock: Rehearsal
    monkeypatch: pytest.MonkeyPatch

    def pipeline(self, name: str) -> Pipeline:
        """One with a database of its own; environments of models are shared."""
        home = self.host.directory / "home"
        pipeline = Pipeline(
            self.challenge, home / name, self.monkeypatch, self.clock,
            resources={"workers": NoThreads()},
        )  # fmt: skip
        pipeline.home = home
        return pipeline

    def live(self) -> Cells:
        """The cells of a window, asked over the protocol as its rounds happened."""
        pipeline, until = self.pipeline("live"), START + QUARTER
        self.monkeypatch.setenv("MODEL_RUNNER_NODE_PORT", str(self.host.port))
        self.clock.wait_until(START - timedelta(seconds=20))
        pipeline.succeed(
            START,
            job="capture",
            capture_from=START.isoformat(),
            capture_until=until.isoformat(),
        )
        self.clock.wait_until(until + timedelta(hours=1))
        pipeline.succeed(START, job="resolve")
        return cells_of(pipeline, Mode.LIVE)

    def replay(self) -> Cells:
        """The cells of the same window, replayed."""
        pipeline = self.pipeline("replay")
        pipeline.succeed(START)
        return cells_of(pipeline, Mode.REPLAY)

    def alone(self) -> Cells:
        """The same cells by the package's own code, in this process."""
        bars = self.bars()
        prices = {(bar.asset, bar.ended_at): bar.record["close"] for bar in bars}
        module, _, name = self.shape.scorer.partition(":")
        score = getattr(importlib.import_module(module), name)
        cells: Cells = {}
        for model_id, directory in self.shape.models.items():
            with made(directory, self.shape.base) as model:
                for at, asset, answer in self.played(model, bars):
                    ends = (at, at + timedelta(seconds=QUESTIONS[asset]))
                    entry, resolved = (prices[asset, end] for end in ends)
                    truth = {"entry_price": entry, "resolved_price": resolved,
                             "outcome": float(resolved > entry)}  # fmt: skip
                    said = json.loads(json.dumps(answer))
                    output = said if isinstance(said, dict) else {"result": said}
                    value = None if answer is None else score(output, truth)["value"].hex()
                    text = None if answer is None else json.dumps(answer)
                    cells[model_id, asset.lower(), f"{at:%H:%M}"] = text, value
        return cells

    def played(self, model: Any, bars: list[Bar]) -> Iterator[tuple[pd.Timestamp, str, Any]]:
        """What a model says in each round, told what has been published by then."""
        delay, known = pd.Timedelta(seconds=1), pd.Timestamp(START - WARM_UP)
        for k in range(QUARTER // MINUTE):
            at = pd.Timestamp(START + k * MINUTE)
            new = [bar for bar in bars if known < bar.ended_at <= at - delay]
            self.shape.tell(model, sorted(new, key=lambda bar: bar[:2]))
            known = new[-1].ended_at
            for asset, horizon in QUESTIONS.items():
                yield at, asset, self.shape.ask(model, asset, horizon)

    def bars(self) -> list[Bar]:
        """All records that matter, oldest first."""
        feed = self.challenge.feed
        assets = {symbol: asset for asset, symbol in feed.subjects.items()}
        span = START - WARM_UP, START + 2 * QUARTER
        source = SimulatedFeed(
            seed=1, granularity_seconds=60, subjects=feed.symbols, tick_size=0.01
        )
        records = source.records(feed.symbols, *span).to_dict("records")
        found = [Bar(each["ended_at"], assets[each["subject"]], each) for each in records]
        return sorted(found, key=lambda bar: bar[:2])


def cells_of(pipeline: Pipeline, mode: Mode) -> Cells:
    """What a mode has stored."""
    with pipeline.ledger() as ledger:
        predictions = ledger.predictions(mode, START, START + QUARTER)
        scores = ledger.scores(mode, START, START + QUARTER)
    assert set(predictions["status"]) <= {"SUCCESS", "ABSTAINED"}, predictions["failed_reason"]
    key = ["model_id", "prediction_config_id", "performed_at"]
    cells = predictions.merge(scores[[*key, "value", "rule"]], on=key)
    return {
        (cell.model_id, cell.prediction_config_id, f"{cell.performed_at:%H:%M}"): (
            cell.raw_output_json or cell.output_json,  # once, where the validator changed nothing
            cell.value.hex() if cell.rule == "scorer" else None,
        )
        for cell in cells.itertuples()
    }


@contextmanager
def made(directory: Path, base: str) -> Iterator[Any]:
    """The model of a directory, in this process."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(directory)
        monkeypatch.setitem(sys.modules, "tracker", tracker)
        spec = importlib.util.spec_from_file_location("main", directory / "main.py")
        assert spec
        assert spec.loader
        main = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(main)
        module, _, name = base.rpartition(".")
        parent = getattr(importlib.import_module(module), name)
        own = [each for each in vars(main).values() if getattr(each, "__module__", "") == "main"]
        classes = [each for each in own if isinstance(each, type)]
        yield next(each for each in classes if issubclass(each, parent))()
    sys.modules.pop("cruncher", None)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages as wheels, and the one home in which they are installed for models."""
    shelf = tmp_path_factory.mktemp("shelf")
    for package in WHEELS:
        (source,) = HERE.glob(f"*/{package}")
        files = {f"{path.relative_to(source.parent)}": path for path in source.rglob("*.py")}
        pack_wheel(shelf, package, {name: path.read_text() for name, path in files.items()})
    (shelf / "home").mkdir()
    return shelf


@pytest.fixture
def try_out(
    shelf: Path,
    tmp_path: Path,
    model_runner: RunnerEnvironment,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Trial]]:
    """Puts up a challenge of a shape, with its models running on a host."""
    if "published" not in request.keywords:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("COORDINATOR_MODEL_RUNNER", str(model_runner.python))
    (tmp_path / "home").mkdir()
    (shelf / "requirements").mkdir(exist_ok=True)
    (tmp_path / "home" / "requirements").symlink_to(shelf / "requirements")
    with ExitStack() as stack:

        def put_up(shape: Shape, patience: float = 60) -> Trial:
            monkeypatch.syspath_prepend(HERE / shape.directory)
            entries = [
                {"id": model_id, "owner": "alice", "path": str(directory)}
                for model_id, directory in shape.models.items()
            ]
            roster = {**shape.supplies, "models": entries}
            (tmp_path / "models.yaml").write_text(yaml.safe_dump(roster))
            spec = spec_of(shape, tmp_path)
            (tmp_path / "spec.json").write_text(json.dumps(spec))
            host = Host(stack, tmp_path, model_runner.python).up(tmp_path / "spec.json")
            running = {"RUNNER_RUNNING"}
            eventually(lambda: {host.status(each) for each in shape.models} == running, patience)
            clock = Rehearsal(START - MINUTE)
            return Trial(shape, checked_challenge(spec), host, clock, monkeypatch)

        yield put_up


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_a_package_says_the_same_live_replayed_and_by_itself(
    name: str, try_out: Callable[[Shape], Trial]
) -> None:
    compare(try_out(SHAPES[name]))


@pytest.mark.slow
@pytest.mark.published
@pytest.mark.skipif(ASKED_FOR not in os.environ, reason=f"{ASKED_FOR} is not set")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PUBLISHED)
def test_so_does_a_published_package(
    name: str,
    try_out: Callable[..., Trial],
    shelf: Path,
    model_runner: RunnerEnvironment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trial = try_out(PUBLISHED[name], INSTALLING)
    found = [str(path) for path in shelf.glob("requirements/*/lib/python*/site-packages")]
    monkeypatch.setattr(sys, "path", [*sys.path, *found, str(model_runner.packages)])
    compare(trial)


def compare(trial: Trial) -> None:
    """What the three ways say is the same, and is not nothing."""
    live, replayed, alone = trial.live(), trial.replay(), trial.alone()
    answered = [answer for answer, _ in alone.values() if answer is not None]
    assert len(alone) == 15 * len(QUESTIONS) * len(trial.shape.models)
    assert len(answered) > len(alone) / 2
    assert len(set(answered)) > 5
    assert live == alone
    assert replayed == alone
