"""Boards from a ledger: what they read is enough, at the end of a window and within one."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.ensemble import ensemble_id
from coordinator_pipelines.domain.doors.ledger import ANSWER_COLUMNS, Mode
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.leaderboard.sure_boards import SureBoards
from coordinator_pipelines.domain.model_score.window_sums import CELL
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.sections import SIGNAL_STATISTICS
from coordinator_pipelines.domain.timeline.window import windows_between
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.support.challenges import FIRST_BAR, START, WINDOW, small_challenge
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import LATER, Pipeline
from tests.support.prices import closes_from, walk, write_candles
from tests.support.recompute import same_number

SPAN = (START, START + 6 * WINDOW)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The small challenge after its first six windows."""
    directory = tmp_path_factory.mktemp("boards")
    write_candles(directory / "prices.csv", closes_from(FIRST_BAR, walk(200)))
    write_participants(directory, FOUR)
    with pytest.MonkeyPatch.context() as monkeypatch:
        pipeline = Pipeline(small_challenge(directory), directory / "home", monkeypatch)
        pipeline.succeed(START, 6)
    return pipeline


@pytest.fixture
def ledger(run):
    with run.ledger() as ledger:
        yield ledger


@pytest.fixture
def boards(run, ledger):
    return Boards(run.challenge, load_rules(run.challenge), ledger, Mode.REPLAY, "again", LATER)


def means(ledger, as_of, hours):
    scores = ledger.scores(Mode.REPLAY, *SPAN)
    after = as_of - timedelta(hours=hours)
    inside = scores[(scores["resolvable_at"] > after) & (scores["resolvable_at"] <= as_of)]
    return inside.groupby("model_id")["value"].mean()


@pytest.mark.parametrize("minutes", [1, 7, 15, 29, 30, 61, 74, 75, 89, 90])
def test_a_mean_at_any_instant_is_the_mean_of_the_scores_in_its_window(boards, ledger, minutes):
    as_of = START + timedelta(minutes=minutes)
    rows = boards.model_scores([as_of])
    for name, hours in boards.challenge.trailing_windows_hours.items():
        expected = means(ledger, as_of, hours)
        for row in rows.itertuples():
            value = json.loads(row.metrics_json)[name]
            assert same_number(value, expected.get(row.model_id))


def test_boards_asked_for_together_equal_boards_asked_for_alone(boards):
    instants = [START + timedelta(minutes=k) for k in (15, 20, 45, 90)]
    together = boards.model_scores(instants)
    for instant in instants:
        alone = boards.model_scores([instant])
        own = together[together["as_of"] == instant]
        assert own["content_hash"].tolist() == alone["content_hash"].tolist()


def test_a_replay_has_reached_the_windows_of_its_rounds_and_live_goes_with_the_clock(run, ledger):
    windows = list(windows_between(START, START + 9 * WINDOW, WINDOW))
    rules = load_rules(run.challenge)
    replay = Boards(run.challenge, rules, ledger, Mode.REPLAY, "again", LATER)
    live = Boards(run.challenge, rules, ledger, Mode.LIVE, "again", LATER)
    assert replay.reached(windows) == windows[:6]
    assert live.reached(windows) == windows


def test_stored_boards_that_still_hold_are_not_outdated(boards, ledger):
    assert boards.outdated(ledger.leaderboards(Mode.REPLAY, *SPAN)).empty
    assert boards.outdated(ledger.leaderboards(Mode.REPLAY, *SPAN).iloc[:0]).empty


def test_boards_of_record_say_how_sure_they_are_of_the_value_that_ranks(run, ledger):
    stored = ledger.leaderboards(Mode.REPLAY, *SPAN)
    entries = json.loads(stored["entries_json"].iloc[-1])
    told = json.loads(stored["meta_json"].iloc[-1])["certainty"]
    for name in run.challenge.trailing_windows_hours:
        assert told["windows"][name]["reason"] is None
        for entry in entries:
            sure = entry["score"]["certainty"]["windows"][name]
            assert sure["value"] == pytest.approx(entry["score"]["metrics"][name], rel=1e-7)
            assert sure["interval"][0] <= sure["value"] <= sure["interval"][1]
            assert sure["tier"] is not None


@pytest.mark.parametrize(
    ("mode", "as_of", "scores", "told"),
    [
        (Mode.LIVE, START + timedelta(minutes=40), 6_000, True),
        (Mode.LIVE, START + timedelta(minutes=40), 25_100, False),
        (Mode.LIVE, START + WINDOW, 1_000_000, True),
        (Mode.REPLAY, START + WINDOW, 5_000, True),
        (Mode.REPLAY, START + WINDOW, 5_100, False),
        (Mode.REPLAY, START + timedelta(hours=22), 1_000_000, True),
    ],
)
def test_how_sure_a_board_is_is_told_of_days_of_record_and_while_scores_are_few(
    boards, ledger, mode, as_of, scores, told
):
    first = START + timedelta(minutes=40)
    frame = boards.leaderboards([first], boards.model_scores([first]))
    entries = json.loads(frame["entries_json"].iloc[0])
    for entry in entries:
        for window in entry["score"]["payload"]["windows"].values():
            window["n"] = scores // len(entries)
    facts = SureBoards(boards.challenge, boards.rules, ledger, mode, []).tell(entries, as_of)[1]
    assert ("windows" in facts) is told
    assert told or "told at the end of a day" in facts["reason"]


def test_an_aggregator_of_the_challenges_own_has_metrics_of_which_nothing_is_known(boards):
    def aggregate(scored, models):
        return [scored, models]

    as_of = START + WINDOW
    rows = boards.model_scores([as_of])
    own = replace(boards, rules=replace(boards.rules, aggregate=aggregate))
    [meta] = own.leaderboards([as_of], rows)["meta_json"]
    assert json.loads(meta)["certainty"] == {
        "reason": "the challenge computes its metrics by code of its own"
    }


RATES = {"skill": 1, "max_drawdown": 1}


def signal_boards(boards, **changes):
    """Boards of the same ledger with the metrics of signals, and a skill in the short window."""
    spec = boards.challenge.model_dump(mode="json", exclude={"metrics", "ranking"})
    metrics = [
        {"name": f"{window}_{name}", "statistic": name, "window": window}
        for window in ("short", "long")
        for name in (*SIGNAL_STATISTICS, *RATES)
    ]
    certainty = {"score_bounds": [0.0, 1.0]}
    ranking = {"key": "long_ic", "tie_breakers": ["short_skill"], "minimum_samples": 5}
    given = {**spec, "metrics": metrics, "ranking": ranking, "certainty": certainty, **changes}
    return replace(boards, challenge=checked_challenge(given))


def rounds_of(ledger, as_of, hours):
    """By model: signal, return and score of each round of a window, read the slow way."""
    scores = ledger.scores(Mode.REPLAY, *SPAN)
    after = as_of - timedelta(hours=hours)
    cells = scores[(scores["resolvable_at"] > after) & (scores["resolvable_at"] <= as_of)]
    key = ["prediction_config_id", "performed_at"]
    cells = cells.merge(
        ledger.ground_truths(*SPAN)[[*key, "entry_price", "resolved_price"]], on=key
    )
    answers = ledger.predictions(Mode.REPLAY, *SPAN)[[*key, "model_id", "output_json"]]
    cells = cells.merge(answers, on=[*key, "model_id"])
    cells["signal"] = [
        json.loads(text)["p_up"] - 0.5 if text else np.nan for text in cells["output_json"]
    ]
    cells["change"] = cells["resolved_price"] / cells["entry_price"] - 1
    return {name: own.set_index("performed_at") for name, own in cells.groupby("model_id")}


@pytest.mark.parametrize("minutes", [22, 61, 90])
@pytest.mark.parametrize(("window", "hours"), [("short", 1), ("long", 2)])
def test_metrics_of_signals_are_of_the_rounds_of_their_window(
    boards, ledger, window, hours, minutes
):
    as_of = START + timedelta(minutes=minutes)
    rows = signal_boards(boards).model_scores([as_of])
    metrics = {row.model_id: json.loads(row.metrics_json) for row in rows.itertuples()}
    rounds = rounds_of(ledger, as_of, hours)
    for model, own in rounds.items():
        both = own.dropna(subset=["signal", "change"])
        ic = None  # of who always says the same
        if both["signal"].nunique() > 1:
            found = stats.spearmanr(both["signal"], both["change"]).statistic
            ic = pytest.approx(found, abs=1e-12)
        assert metrics[model][f"{window}_ic"] == ic
        directed = np.sign(both["signal"]) * both["change"]
        assert metrics[model][f"{window}_signal_return"] == pytest.approx(directed.mean(), rel=1e-9)
        moved = own["signal"].diff().abs().mean()
        assert metrics[model][f"{window}_turnover"] == pytest.approx(moved, rel=1e-9)
        path = np.concatenate([[0], own["value"].fillna(0).cumsum()])
        fall = (path - np.maximum.accumulate(path)).min()
        assert metrics[model][f"{window}_max_drawdown"] == pytest.approx(fall)
        values = own[["value"]].join(rounds["half"]["value"].rename("half")).dropna().mean()
        skill = (values["value"] - values["half"]) / (1 - values["half"])
        assert metrics[model][f"{window}_skill"] == pytest.approx(skill, rel=1e-9, abs=1e-12)
        assert metrics[model][f"{window}_contribution"] is None  # there is no ensemble
    alike = rounds["follower"].join(rounds["broken"]["signal"].rename("other"))
    pair = stats.spearmanr(*alike[["signal", "other"]].dropna().to_numpy().T).statistic
    assert metrics["follower"][f"{window}_model_correlation"] == pytest.approx(pair, abs=1e-12)


@pytest.mark.parametrize("change", [{"output_json": '{"p_up": 0.99}'}, {"code_hash": "another"}])
def test_an_answer_that_was_changed_has_no_signal(boards, ledger, change):
    at = START + timedelta(minutes=50)

    class Changed(SqlLedger):
        def predictions(self, *args, **options):
            stored = super().predictions(*args, **options)
            cell = (stored["performed_at"] == at) & (stored["model_id"] == "follower")
            return self.seen(stored, cell)

    def metrics(seen):
        other = Changed.__new__(Changed)
        other.__dict__.update(ledger.__dict__, seen=seen)
        own = replace(signal_boards(boards), ledger=other)
        return own.model_scores([START + timedelta(minutes=90)])["metrics_json"].tolist()

    changed = metrics(
        lambda stored, cell: stored.assign(
            **{name: stored[name].mask(cell, value) for name, value in change.items()}
        )
    )
    assert changed == metrics(lambda stored, cell: stored[~cell].reset_index(drop=True))
    assert changed != metrics(lambda stored, _: stored)


def test_boards_of_signals_asked_for_together_equal_boards_asked_for_alone(boards):
    own = signal_boards(boards)
    instants = [START + timedelta(minutes=k) for k in (15, 20, 45, 90)]
    together = own.model_scores(instants)
    for instant in instants:
        alone = own.model_scores([instant])
        hashes = together.loc[together["as_of"] == instant, "content_hash"]
        assert hashes.tolist() == alone["content_hash"].tolist()


def test_a_board_is_ranked_by_a_metric_of_signals(boards):
    own, as_of = signal_boards(boards), START + timedelta(minutes=90)
    [row] = own.leaderboards([as_of], own.model_scores([as_of])).itertuples()
    entries = json.loads(row.entries_json)
    ics = [entry["score"]["metrics"]["long_ic"] for entry in entries if entry["rank"]]
    assert ics == sorted(ics, reverse=True)
    assert len(ics) == 2
    assert entries[-1]["unranked_reason"] == "no value for long_ic"  # it always says the same
    told = json.loads(row.meta_json)["certainty"]
    assert told == {"reason": "ranked by ic, of which nothing is known but its value"}


def test_an_ensemble_is_compared_with_and_no_part_of_the_field(boards, ledger):
    """The follower's answers again, as if an ensemble had given them."""

    class WithEnsemble(SqlLedger):
        def ensemble_answers(self, mode, start, end):
            answers = self.predictions(mode, start, end)[list(ANSWER_COLUMNS)]
            both = answers.merge(self.scores(mode, start, end)[[*CELL, "resolvable_at", "value"]])
            return both[both["model_id"] == "follower"].assign(model_id=ensemble_id("mean"))

    seen = WithEnsemble.__new__(WithEnsemble)
    seen.__dict__.update(ledger.__dict__)
    as_of = START + timedelta(minutes=90)
    own = replace(signal_boards(boards, ensembles=[{"name": "mean"}]), ledger=seen)
    before = signal_boards(boards).model_scores([as_of])
    after = own.model_scores([as_of])
    after = after[after["model_id"].isin(before["model_id"])]
    for plain, row in zip(before.itertuples(), after.itertuples(), strict=True):
        alone, beside = json.loads(plain.metrics_json), json.loads(row.metrics_json)
        for name in ("ic", "fnc", "model_correlation"):
            assert alone[f"long_{name}"] == beside[f"long_{name}"]
        if row.model_id == "follower":
            assert beside["long_ensemble_correlation"] == 1.0
            assert beside["long_contribution"] is not None
