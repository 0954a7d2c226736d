"""``coordinator audit`` and ``explain``: what a user sees of a recomputation, and how it ends."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator_pipelines.spec_file import dump_challenge
from tests.command import Commands
from tests.support.audited import Audits, audits

CELL = ("half", "2025-01-01T02:07Z")


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audits]:
    yield from audits(tmp_path_factory.mktemp("audited"))


@pytest.fixture
def run(books: Audits, tmp_path: Path) -> Commands:
    """Commands on the finished challenge, whose spec is beside them."""
    (tmp_path / "spec.yaml").write_text(dump_challenge(books.challenge))
    return Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": books.url})


def test_a_range_is_audited_and_a_change_is_told(books: Audits, run: Commands) -> None:
    asked = ("audit", "--spec", "spec.yaml", "--from", "2025-01-01", "--to", "2025-01-01T03:00Z")
    sound = run.run(*asked)
    assert sound.status == 0
    assert "Nothing differs: 3" in sound.out
    assert "Audited until 2025-01-01T03:00Z: nothing differs" in sound.err
    with books.changed("scores", "value") as key:
        found = run.run(*asked, "--format", "json")
    assert found.status == 1
    told = json.loads(found.out)
    assert told["tables"]["scores"]["differences"] == 1
    assert told["tables"]["rounds"] == {
        "rows": 30, "recomputed": 30, "not_recomputed": {}, "differences": 0
    }  # fmt: skip
    first = told["differences"][0]
    assert (first["table"], first["column"]) == ("scores", "value")
    assert first["row"]["model_id"] == key["model_id"]
    assert first["row"]["performed_at"] == key["performed_at"].isoformat().replace("+00:00", "Z")
    assert first["stored"] > first["recomputed"]


def test_a_number_is_explained_step_by_step(books: Audits, run: Commands) -> None:
    shown = run.succeed("explain", *CELL, "--spec", "spec.yaml")
    for link in ("board", "model score", "statistics", "score", "truth", "answer", "question"):
        assert f"{link}: recomputed, the same" in shown
    assert shown.count("feed record: as it was received") == 2
    assert "Each step follows from the one below it" in shown
    with books.changed("ground_truths", "entry_price", place=7):
        changed = run.run("explain", *CELL, "--spec", "spec.yaml", "--format", "json")
    assert changed.status == 1
    chain = json.loads(changed.out)
    assert not chain["sound"]
    assert [link["table"] for link in chain["links"]] == [
        "leaderboards", "model_scores", "score_statistics", "scores", "ground_truths",
        "feed_records", "feed_records", "predictions", "rounds",
    ]  # fmt: skip
    wrong = [link for link in chain["links"] if link["differences"]]
    assert [link["table"] for link in wrong] == ["ground_truths"]
    assert wrong[0]["differences"][0]["column"] == "entry_price"


def test_what_there_is_not_is_refused(run: Commands) -> None:
    nobody = run.refuse("explain", "nobody", CELL[1], "--spec", "spec.yaml")
    assert "no replay model is called nobody; there are broken, follower" in nobody
    never = run.refuse("explain", "half", "2025-01-01T02:07:30Z", "--spec", "spec.yaml")
    assert "half has no answer in a replay round of 2025-01-01T02:07:30Z" in never
    assert "neither a day nor an instant" in run.run("explain", "half", "noon").err
    backwards = run.run("audit", "--from", "2025-01-02", "--to", "2025-01-01")
    assert "is not before --to" in backwards.err
