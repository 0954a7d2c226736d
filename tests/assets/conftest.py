"""Pipelines on small generated price files, each with a database of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.challenges import FIRST_BAR, START, small_challenge
from tests.support.in_process import InProcess
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import Pipeline
from tests.support.prices import closes_from, walk, write_candles

MINUTES = 300

MakePipeline = Callable[..., Pipeline]


@pytest.fixture
def closes(tmp_path: Path) -> dict[int, float]:
    """Unix second of a bar's end -> close; five hours of them, also in ``prices.csv``."""
    closes = closes_from(FIRST_BAR, walk(MINUTES))
    write_candles(tmp_path / "prices.csv", closes)
    return closes


def pipeline_maker(directory: Path, monkeypatch: pytest.MonkeyPatch) -> MakePipeline:
    """Makes pipelines of the small challenge on the ``prices.csv`` of a directory.

    Their models are asked in this process, or else in ``processes`` of their own.
    """

    def make(
        home: str = "one", *, url: str = "", resources=None, processes: bool = False, **changes
    ) -> Pipeline:
        if not (directory / "models.yaml").exists():
            write_participants(directory, FOUR)
        challenge = small_challenge(directory, **changes)
        models = {} if processes else {"models": InProcess()}
        resources = {**models, **(resources or {})}
        return Pipeline(challenge, directory / home, monkeypatch, url=url, resources=resources)

    return make


@pytest.fixture
def make_pipeline(
    tmp_path: Path, closes: dict[int, float], monkeypatch: pytest.MonkeyPatch
) -> MakePipeline:
    """Makes pipelines of the small challenge; ``changes`` as in ``small_challenge``."""
    del closes
    return pipeline_maker(tmp_path, monkeypatch)


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    """The small challenge with four models: a baseline, and one of each kind of outcome."""
    return make_pipeline()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The same, its models in processes, after one run over six windows. Only to be read."""
    directory = tmp_path_factory.mktemp("undisturbed")
    write_candles(directory / "prices.csv", closes_from(FIRST_BAR, walk(MINUTES)))
    with pytest.MonkeyPatch.context() as monkeypatch:
        pipeline = pipeline_maker(directory, monkeypatch)(processes=True)
        pipeline.succeed(START, 6)
    return pipeline
