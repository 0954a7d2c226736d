"""Weights from what was known: trust by errors, filters, and what is left without a model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator_pipelines.domain.ensemble.ensemble import newest_weights, weights_as_of
from coordinator_pipelines.domain.ensemble.past import Past, worth_of
from coordinator_pipelines.domain.ensemble.weights import Known, weights
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec
from coordinator_pipelines.domain.values.errors import CallableError
from tests.specs import COMPLETE, changed

AS_OF = datetime(2026, 11, 1, 12, tzinfo=UTC)
MODELS = ("a", "b", "c", "d")


def past(errors, likelihoods=None, config=None):
    errors = np.asarray(errors, dtype=float)
    rounds = len(errors)
    told = np.exp(-errors) if likelihoods is None else np.asarray(likelihoods, dtype=float)
    config = np.zeros(rounds, dtype=np.int64) if config is None else np.asarray(config)
    return Past(np.arange(rounds), config, errors, told)


def known(**given):
    usual = {
        "models": MODELS, "samples": np.full(4, 50), "quality": np.array([0.1, 0.4, 0.3, 0.2]),
        "threshold": None, "past": past(np.ones((5, 4))), "scores": None,
    }  # fmt: skip
    return Known(**(usual | given))


def told(strategy="equal_weight", least=10, own=None, **given):
    fields = {name: given.pop(name) for name in ("top_n", "threshold") if name in given}
    spec = EnsembleSpec(name="x", strategy=strategy, **fields)
    if "threshold" in fields:
        given["threshold"] = fields["threshold"]
    return weights(spec, known(**given), AS_OF, least, own)


def test_inverse_variance_is_of_errors_not_of_answers():
    errors = np.tile([1.0, 0.5, 0.25, np.nan], (6, 1))
    shares = told("inverse_variance", past=past(errors)).of
    assert shares == pytest.approx({"a": 1 / 7, "b": 2 / 7, "c": 4 / 7})


def test_the_scale_of_a_config_does_not_decide():
    errors = [[1.0, 2.0, 1.0, 1.0], [3e12, 1e12, 1e12, 1e12]] * 3
    shares = told("inverse_variance", past=past(errors, config=[0, 1] * 3)).of
    relative = [4 / 5 + 6 / 3, 8 / 5 + 2 / 3, 4 / 5 + 2 / 3, 4 / 5 + 2 / 3]
    wanted = np.array([1 / (each / 2) for each in relative])
    scale = [4 / 5, 2 / 3]
    np.testing.assert_allclose(
        list(shares.values()),
        _normalised([1 / (1 * scale[0] + 3 * scale[1]), 1 / (2 * scale[0] + scale[1]),
                     1 / (scale[0] + scale[1]), 1 / (scale[0] + scale[1])]),
        atol=1e-9,
    )  # fmt: skip
    assert wanted.all()


def _normalised(values):
    return np.array(values) / np.sum(values)


def test_filters_take_the_best_that_are_good_enough():
    assert told(top_n=2).of == {"b": 0.5, "c": 0.5}
    assert told(threshold=0.25).of == {"b": 0.5, "c": 0.5}
    assert told(top_n=1, threshold=0.35).of == {"b": 1.0}
    assert told(threshold=0.9).of == {}
    quality = np.array([np.nan, 0.4, 0.4, 0.4])
    assert told(top_n=2, quality=quality).of == {"b": 0.5, "c": 0.5}  # by id where alike


def test_without_the_best_the_next_one_moves_up():
    whole = told(top_n=1)
    assert whole.without["b"].of == {"c": 1.0}
    table = whole.rows(MODELS)
    assert table[0].tolist() == [0, 1, 0, 0]
    assert table[2].tolist() == [0, 0, 1, 0]  # without b
    assert table[1].tolist() == [0, 1, 0, 0]  # without a, who has no weight


def test_who_has_too_few_scores_has_no_weight_until_nobody_has_more():
    samples = np.array([50, 9, 50, 50])
    assert told("inverse_variance", samples=samples).of.keys() == {"a", "c", "d"}
    early = told("inverse_variance", samples=np.full(4, 9))
    assert early.of is None
    assert early.basis == "all models alike: none has 10 scores of its own yet"
    assert early.rows(MODELS)[0].tolist() == [1, 1, 1, 1]
    assert early.rows(MODELS)[1].tolist() == [0, 1, 1, 1]


def test_answers_of_which_nothing_is_known_are_weighed_alike():
    nothing = past(np.full((5, 4), np.nan))
    for strategy in ("inverse_variance", "log_score"):
        assert told(strategy, past=nothing).of is None


@pytest.mark.parametrize("strategy", ["inverse_variance", "log_score"])
def test_a_copy_has_weight_and_without_it_the_other_has_it_all(strategy):
    source = np.random.default_rng(4)
    errors = source.random((60, 4)) ** 2
    errors[:, 3] = errors[:, 0]
    whole = told(strategy, past=past(errors))
    assert whole.of["a"] == pytest.approx(whole.of["d"], abs=2e-6)
    rest = weights(
        EnsembleSpec(name="x", strategy=strategy),
        known(models=MODELS[:3], samples=np.full(3, 50), quality=np.zeros(3),
              past=past(errors[:, :3])),
        AS_OF, 10, None,
    )  # fmt: skip
    assert whole.without["d"].of == pytest.approx(rest.of, abs=2e-6)


def own_scores():
    return pd.DataFrame(np.arange(8.0).reshape(2, 4), columns=list(MODELS))


def test_an_author_weighs_by_the_scores_so_far():
    seen = []

    def own(ensemble, scores):
        seen.append((ensemble, list(scores.columns)))
        return {model: 3 if model == "b" else 1 for model in scores if model in "ab"}

    whole = told("author", own=own, scores=own_scores())
    assert whole.of == {"a": 0.25, "b": 0.75}
    assert whole.without["a"].of == {"b": 1.0}
    assert seen[0] == ("x", list(MODELS))
    assert ("x", ["b", "c", "d"]) in seen


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        (None, "returned a NoneType, not an object of weights by model"),
        ({"z": 1}, "weighed 'z', which is not among the models"),
        ({"a": -1}, "gave 'a' the weight -1, no number from 0"),
        ({"a": float("nan")}, "gave 'a' the weight nan, no number from 0"),
        ({"a": True}, "gave 'a' the weight True, no number from 0"),
        (ValueError("no idea"), "raised ValueError: no idea"),
    ],
)
def test_what_an_author_returns_is_checked(returned, problem):
    def own(ensemble, scores):
        del ensemble, scores
        if isinstance(returned, Exception):
            raise returned
        return returned

    with pytest.raises(CallableError, match=f"^ENSEMBLE_WEIGHTS {problem}"):
        told("author", own=own, scores=own_scores())


@pytest.mark.parametrize(
    ("output", "error", "likelihood"),
    [
        ({"p_up": 0.75}, 0.0625, 0.75),
        ({"value": 0.03}, 0.0004, np.nan),
        ({"result": [{"type": "builtin", "name": "norm", "params": {"loc": 0, "scale": 1}}]},
         1.0, np.exp(-0.5) / np.sqrt(2 * np.pi)),
        ({"result": [{"type": "builtin", "name": "laplace", "params": {"loc": 0, "scale": 2}}]},
         1.0, np.exp(-0.5) / 4),
        ({"result": [{"type": "builtin", "name": "cauchy", "params": {"loc": 2, "scale": 1}}]},
         1.0, 1 / (2 * np.pi)),
        ({"result": []}, np.nan, np.nan),
        ({"predictions": {"a": 1}}, np.nan, np.nan),
        ("up", np.nan, np.nan),
    ],
)  # fmt: skip
def test_what_an_answer_was_worth(output, error, likelihood):
    np.testing.assert_allclose(worth_of(output, 1.0, 100.0, 101.0), (error, likelihood))


CHALLENGE = checked_challenge(changed({}, COMPLETE))
SECONDS = st.integers(0, 10**7)


@given(SECONDS, st.sampled_from(["15m", "1h", "1d"]), st.integers(1, 7200), st.integers(0, 900))
def test_no_outcome_counts_before_a_live_round_could_know_it(seconds, batch, refresh, delay):
    feed = CHALLENGE.feed.model_copy(update={"publication_delay_seconds": float(delay)})
    challenge = CHALLENGE.model_copy(
        update={"batch_window": batch, "refresh_interval_seconds": refresh, "feed": feed}
    )
    performed_at = AS_OF + timedelta(seconds=seconds)
    as_of = weights_as_of(challenge, performed_at)
    finality = timedelta(seconds=feed.granularity_seconds + delay)
    slack = timedelta(seconds=2 * refresh + 60)
    assert as_of + finality + slack <= performed_at
    assert performed_at < as_of + finality + slack + challenge.statistics_bucket
    assert weights_as_of(challenge, performed_at) <= newest_weights(challenge, performed_at)


def test_weights_know_nothing_of_a_model_that_they_were_not_made_for():
    whole = replace(told(top_n=1), without={})
    assert whole.row(["b", "new"]).tolist() == [1.0, 0.0]
