from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import SpecError
from tests.specs import COMPLETE, CONFIG, REMOVED, changed

SCHEDULE, SCOPE = f"{CONFIG}.schedule", f"{CONFIG}.scope_template"
MEAN = {"name": "m", "statistic": "mean", "window": "recent"}
IC = {"name": "ic", "statistic": "ic", "window": "recent"}
FILE_FEED = {
    "provider": "file",
    "path": "prices.csv",
    "subjects": {"BTC": "BTCUSDT"},
    "granularity_seconds": 60,
    "staleness_limit_seconds": 180,
}


def refusal(changes):
    with pytest.raises(SpecError) as caught:
        checked_challenge(changed(changes))
    return str(caught.value).split("\n")


ONE_FIELD = [
    ({"spec_version": "2"}, "spec_version: must be '1' (value '2')"),
    ({"spec_version": 1.0}, "spec_version: must be '1' (value 1.0)"),
    ({"spec_version": True}, "spec_version: must be '1' (value True)"),
    ({"name": "BTC Up"}, "name: must be a lowercase slug such as btc-up-down"),
    ({"name": "btc-up\n"}, "name: must be a lowercase slug such as btc-up-down"),
    ({"name": ""}, "name: must be a lowercase slug such as btc-up-down"),
    ({"name": 123}, "name: must be text; put it in quotes"),
    ({"name": "a" * 61}, "name: must be a lowercase slug such as btc-up-down, of at most 60"),
    ({"crunch_id": "a\nb"}, "crunch_id: must be an id"),
    ({"crunch_id": "../a"}, "crunch_id: must be an id"),
    ({"crunch_id": '"a"'}, "crunch_id: must be an id"),
    ({"crunch_id": "{{ name }}"}, "crunch_id: must be an id"),
    ({"crunch_id": ""}, "crunch_id: must be an id"),
    ({"model_base_classname": "TrackerBase"}, "model_base_classname: must be '<module>.<class>'"),
    ({"model_base_classname": "a.B\n"}, "model_base_classname: must be '<module>.<class>'"),
    ({"preset": "fast"}, "preset: must be one of baseline, realtime, in-sample, out-of-sample"),
    ({"preset": ""}, "preset: must be one of baseline"),
    ({"preset": ["baseline"]}, "preset: must be one of baseline"),
    ({"tournament_mode": "live"}, "tournament_mode: must be 'realtime', 'in-sample'"),
    (
        {"start": "2026-11-01"},
        "start: must be an instant with a zone, such as 2026-11-01T00:00:00Z",
    ),
    ({"start": "2026-11-01T00:00:00"}, "start: must be an instant with a zone"),
    ({"start": 1793491200}, "start: must be an instant with a zone"),
    ({"start": "1793491200"}, "start: must be an instant with a zone"),
    ({"start": datetime(2026, 11, 1)}, "start: must be an instant with a zone"),  # noqa: DTZ001
    ({"start": "2026-02-30T00:00:00Z"}, "start: is no instant"),
    ({"start": "0001-01-01T00:00:00+14:00"}, "start: must lie between the years"),
    ({"start": "9999-12-31T23:00:00Z"}, "start: must lie between the years"),
    ({"batch_window": "2h"}, "batch_window: must be '15m', '1h' or '1d' (value '2h')"),
    ({"checkpoint_interval_seconds": 0}, "checkpoint_interval_seconds: must be greater than 0"),
    ({"checkpoint_interval_seconds": "60"}, "checkpoint_interval_seconds: must be a whole number"),
    ({"checkpoint_interval_seconds": 1.9}, "checkpoint_interval_seconds: must be a whole number"),
    ({"checkpoint_interval_seconds": True}, "checkpoint_interval_seconds: must be a whole number"),
    ({"warm_up_seconds": 10**10}, "warm_up_seconds: must be at most 315360000"),
    ({"warm_up_seconds": 2**70}, "warm_up_seconds: is a number beyond 64 bits"),
    ({"replay_allowed": "yes"}, "replay_allowed: must be true or false (value 'yes')"),
    ({"replay_allowed": 1}, "replay_allowed: must be true or false (value 1)"),
    ({"models_file": ""}, "models_file: must be the path of a file"),
    ({"models_file": "a\nb"}, "models_file: must be the path of a file"),
    ({"feed": []}, "feed: "),
    ({"feed.provider": "kraken"}, "feed.provider: must be one of 'file', 'simulated', "),
    ({"feed.provider": REMOVED}, "feed.provider: missing; it must be given"),
    ({"feed.granularity_seconds": "1m"}, "feed.granularity_seconds: must be a whole number"),
    (
        {"feed.granularity_seconds": None},
        "feed.granularity_seconds: must be a whole number (value null)",
    ),
    (
        {"feed.granularity_seconds": 0.5},
        "feed.granularity_seconds: must be a whole number; whole seconds are the finest",
    ),
    (
        {f"{SCHEDULE}.every_seconds": 0.25},
        f"{SCHEDULE}.every_seconds: must be a whole number; whole seconds are the finest, and what",
    ),
    (
        {"model_interface": {"tick_facts": {"performance_metrics": "scores"}}},
        "model_interface.tick_facts.performance_metrics: must be model_id, model_name, owner; a "
        "model's own scores are told to no model: they are known when truths are",
    ),
    (
        {"model_interface": {"predict_facts": {"x": ["owner"]}}},
        "model_interface.predict_facts.x: must be model_id, model_name, owner; a model's own",
    ),
    (
        {"model_interface": {"performance_metrics": {}}},
        "model_interface.performance_metrics: unknown field; a model's own scores are told to no",
    ),
    ({"sequential": True}, "sequential: no challenge keeps what models remember from window to"),
    (
        {"model_interface": {"sequential": True}},
        "model_interface.sequential: no challenge keeps what models remember from window to window",
    ),
    (
        {"model_interface": {"tick_constants": {"metrics": None}}},
        "model_interface.tick_constants.metrics: must not be null, which the models' protocol",
    ),
    (
        {"model_interface": {"tick_constants": {"metrics": float("nan")}}},
        "model_interface.tick_constants.metrics",
    ),
    (
        {"model_interface": {"tick_per": "event"}},
        "model_interface.tick_per: must be 'question' or 'record' (value 'event')",
    ),
    (
        {"model_interface": {"tick_method": None, "tick_per": "record"}},
        "model_interface.tick_per: contradicts tick_method: null (value 'record')",
    ),
    (
        {"model_interface": {"tick_method": None, "tick_constants": {"a": 1}}},
        "model_interface.tick_constants: contradicts tick_method: null",
    ),
    (
        {"model_interface": {"tick_facts": {"a": "owner"}, "tick_constants": {"a": 1}}},
        "model_interface.tick_constants.a: is given otherwise already",
    ),
    (
        {"model_interface": {"predict_constants": {"asset": 1}}},
        "model_interface.predict_constants.asset: is given otherwise already",
    ),
    ({"feed.publication_delay_seconds": -1}, "feed.publication_delay_seconds: must be at least 0"),
    (
        {"feed.publication_delay_seconds": float("inf")},
        "feed.publication_delay_seconds: is infinite",
    ),
    ({"feed.start_price": float("nan")}, "feed.start_price: is NaN"),
    ({"feed.seed": -1}, "feed.seed: must be at least 0"),
    ({"feed.subjects": {}}, "feed.subjects: must not be empty"),
    ({"feed.subjects": {"BTC": "../x"}}, "feed.subjects.BTC: must be a symbol"),
    ({"feed.subjects": {"BTC": "BTCUSDT", "a b": "X"}}, "feed.subjects['a b']: must be a symbol"),
    ({"feed": {**FILE_FEED, "path": " "}}, "feed.path: must be the path of a file"),
    ({"truth": REMOVED}, "truth: missing; it must be given"),
    ({"truth": {}}, "truth.tie_rule: missing; it must be given"),
    ({"truth.tie_rule": "win"}, "truth.tie_rule: must be 'void', 'down', 'up' or 'half'"),
    ({"limits.call_timeout_seconds": 0}, "limits.call_timeout_seconds: must be greater than 0"),
    ({"limits.call_timeout_seconds": "2"}, "limits.call_timeout_seconds: must be a number"),
    ({"limits.restarts_per_window": -1}, "limits.restarts_per_window: must be at least 0"),
    ({"limits.memory_bytes": 1000}, "limits.memory_bytes: must be at least 268435456"),
    ({"callables": "x"}, "callables: must be a section with fields of its own (value 'x')"),
    ({"callables.SCORING_FUNCTION": "module"}, "callables.SCORING_FUNCTION: must be '<module>:<c"),
    ({"callables.SCORING_FUNCTION": "a:b:c"}, "callables.SCORING_FUNCTION: must be '<module>:<c"),
    ({"callables.SCORING_FUNCTION": "a:b\n"}, "callables.SCORING_FUNCTION: must be '<module>:<c"),
    ({"callables.SCORING_FUNCTION": "../a:b"}, "callables.SCORING_FUNCTION: must be '<module>:<c"),
    (
        {"callables.SCORING_FUNCTION": 5},
        "callables.SCORING_FUNCTION: must be '<module>:<callable>'",
    ),
    (
        {"callables.SCORING_FUNCTION": "node_template.plugins.x:score"},
        "callables.SCORING_FUNCTION: an internal path of the original system",
    ),
    (
        {"callables.SCORING_FUNCTION": "coordinator_runtime.defaults:rank_leaderboard"},
        "callables.SCORING_FUNCTION: an internal path of the original system",
    ),
    ({"scheduled_prediction_configs": {}}, "scheduled_prediction_configs: must be a list"),
    ({"scheduled_prediction_configs": []}, "scheduled_prediction_configs: must not be empty"),
    ({"scheduled_prediction_configs": ["x"]}, f"{CONFIG}: must be a section with fields"),
    ({f"{CONFIG}.scope_key": ""}, f"{CONFIG}.scope_key: must be letters"),
    ({f"{CONFIG}.scope_key": "a/../b"}, f"{CONFIG}.scope_key: must be letters"),
    ({f"{CONFIG}.scope_key": REMOVED}, f"{CONFIG}.scope_key: missing; it must be given"),
    ({f"{CONFIG}.id": "a\nb"}, f"{CONFIG}.id: must be letters"),
    ({f"{CONFIG}.active": 1}, f"{CONFIG}.active: must be true or false"),
    ({f"{CONFIG}.order": 1.5}, f"{CONFIG}.order: must be a whole number"),
    ({f"{CONFIG}.meta": {"a": float("nan")}}, f"{CONFIG}.meta.a: is NaN"),
    ({SCHEDULE: "bogus"}, f"{SCHEDULE}: must be a section with fields of its own (value 'bogus')"),
    ({f"{SCHEDULE}.every_seconds": REMOVED}, f"{SCHEDULE}.every_seconds: missing"),
    ({f"{SCHEDULE}.every_seconds": 60.0}, f"{SCHEDULE}.every_seconds: must be a whole number"),
    ({f"{SCOPE}.asset": REMOVED}, f"{SCOPE}.asset: missing; it must be given"),
    ({f"{SCOPE}.horizon": None}, f"{SCOPE}.horizon: must be a whole number of seconds above 0"),
    ({f"{SCOPE}.horizon": "60"}, f"{SCOPE}.horizon: must be a whole number of seconds above 0"),
    ({f"{SCOPE}.step": "60"}, f"{SCOPE}.step: must be a whole number (value '60')"),
    ({"score_direction": "up"}, "score_direction: must be 'desc' or 'asc' (value 'up')"),
    ({"trailing_windows_hours": {}}, "trailing_windows_hours: must not be empty"),
    ({"trailing_windows_hours": {"A": 24}}, "trailing_windows_hours.A: must be lowercase letters"),
    ({"trailing_windows_hours": {"a": 10**6}}, "trailing_windows_hours.a: must be at most 87600"),
    ({"profile": "best"}, "profile: must be 'windowed_mean', 'risk_adjusted' or 'signal'"),
    ({"profile": ["x"]}, "profile: must be 'windowed_mean', 'risk_adjusted' or 'signal'"),
    ({"ranking.minimum_coverage": 1.5}, "ranking.minimum_coverage: must be at most 1"),
    ({"ranking.minimum_samples": 0}, "ranking.minimum_samples: must be greater than 0"),
    ({"missing_data.default": "zero"}, "missing_data.default: must be 'exclude', 'worst'"),
    (
        {"missing_data.by_status": {"MISSED": "worst"}},
        "missing_data.by_status.MISSED: must be 'FAI",
    ),
    ({"missing_data.newcomers": "free"}, "missing_data.newcomers: must be 'excused' or 'counted'"),
]


@pytest.mark.parametrize(("changes", "expected"), ONE_FIELD)
def test_a_wrong_value_is_refused_in_one_line_that_names_the_field(changes, expected):
    lines = refusal(changes)
    assert len(lines) == 1
    assert lines[0].startswith(expected)


CONTRADICTIONS = [
    ({"start": "2026-11-01T00:30:00Z"}, "start: not on the grid of 1h windows"),
    ({"end": "2026-12-01T00:00:01Z"}, "end: not on the grid of 1h windows"),
    ({"end": "2026-11-01T00:00:00Z"}, "end: not after start"),
    ({f"{SCHEDULE}.every_seconds": 90}, f"{SCHEDULE}.every_seconds: not a multiple of feed.gran"),
    ({f"{SCHEDULE}.offset_seconds": 30}, f"{SCHEDULE}.offset_seconds: not a multiple of feed."),
    ({f"{SCHEDULE}.offset_seconds": 60}, f"{SCHEDULE}.offset_seconds: must be below every_sec"),
    (
        {f"{SCOPE}.horizon": 90, f"{SCOPE}.step": 90},
        f"{SCHEDULE}.resolve_after_seconds: not a multiple of feed.granularity_seconds (60)",
    ),
    ({f"{SCOPE}.step": 7}, f"{SCOPE}.step: does not divide the horizon (60) (value 7)"),
    (
        {f"{SCHEDULE}.resolve_after_seconds": 120},
        f"{SCHEDULE}.resolve_after_seconds: contradicts t",
    ),
    (
        {f"{SCHEDULE}.prediction_interval_seconds": 120},
        f"{SCHEDULE}.prediction_interval_seconds: c",
    ),
    (
        {f"{SCHEDULE}.prediction_interval_seconds": 60.0},
        f"{SCHEDULE}.prediction_interval_seconds: c",
    ),
    (
        {f"{SCHEDULE}.resolve_after_seconds": 60, f"{SCHEDULE}.resolve_horizon_seconds": 120},
        f"{SCHEDULE}.resolve_horizon_seconds: contradicts resolve_after_seconds (60) (value 120)",
    ),
    ({f"{SCOPE}.horizon_seconds": 120}, f"{SCOPE}.horizon_seconds: contradicts horizon (60)"),
    ({f"{SCOPE}.step_seconds": 30}, f"{SCOPE}.step_seconds: contradicts step (60) (value 30)"),
    (
        {f"{SCOPE}.horizon": REMOVED},
        f"{SCHEDULE}.resolve_after_seconds: missing; say here or by scope_template.horizon",
    ),
    ({f"{SCOPE}.asset": "ETH"}, f"{SCOPE}.asset: not among feed.subjects (BTC) (value 'ETH')"),
    ({f"{SCOPE}.horizon_second": 60}, f"{SCOPE}.horizon_second: unknown field: nothing reads it"),
    (
        {"tournament_mode": "realtime", f"{SCOPE}.tournament_mode": "in-sample"},
        f"{SCOPE}.tournament_mode: contradicts tournament_mode 'realtime' (value 'in-sample')",
    ),
    ({f"{CONFIG}.active": False}, "scheduled_prediction_configs: none is active"),
    ({"limits.call_timeout_seconds": 61}, "limits.call_timeout_seconds: longer than "),
    (
        {"feed.staleness_limit_seconds": 59},
        "feed.staleness_limit_seconds: contradicts publication_",
    ),
    ({"feed.tick_size": 60001}, "feed.tick_size: above start_price"),
    (
        {"truth.resolution_deadline_seconds": 61},
        "truth.resolution_deadline_seconds: a bar is proven",
    ),
    (
        {"warm_up_seconds": 61},
        "warm_up_seconds: shorter than a bar and its publication delay (62 s)",
    ),
    (
        {"trailing_windows_hours": {"a": 24, "b": 24}},
        "trailing_windows_hours.b: the same as of a (value 24)",
    ),
    (
        {"profile": "risk_adjusted", "metrics": [MEAN], "ranking.key": "m"},
        "profile: contradicts met",
    ),
    ({"metrics": [MEAN]}, "ranking: missing; it must be given"),
    ({"metrics": [], "ranking.key": "m"}, "metrics: must not be empty"),
    ({"metrics": [MEAN, MEAN], "ranking.key": "m"}, "metrics[1].name: the same as of metrics[0]"),
    (
        {"metrics": [{**MEAN, "window": "week"}], "ranking.key": "m"},
        "metrics[0].window: not among trailing_windows_hours (recent, steady, anchor)",
    ),
    ({"ranking.key": "profit"}, "ranking.key: not among the metrics (recent, steady, anchor)"),
    (
        {"ranking": {"key": "anchor", "tie_breakers": ["luck"]}},
        "ranking.tie_breakers[0]: not among the metrics",
    ),
    (
        {"ranking": {"key": "anchor", "tie_breakers": ["recent", "anchor"]}},
        "ranking.tie_breakers[1]: decides already as ranking.key (value 'anchor')",
    ),
    (
        {"score_direction": "asc", "ranking.direction": "desc"},
        "ranking.direction: contradicts score_",
    ),
    (
        {"metrics": [IC], "ranking": {"key": "ic", "direction": "asc"}},
        "ranking.direction: contradicts the key: ic is better desc (value 'asc')",
    ),
    (
        {
            "metrics": [{**IC, "statistic": "skill"}],
            "ranking.key": "ic",
            "certainty.score_bounds": [0.0, 1.0],
        },
        "metrics[0].statistic: needs a baseline: name certainty.baseline_model",
    ),
    (
        {
            "metrics": [{**IC, "statistic": "skill"}],
            "ranking.key": "ic",
            "certainty.baseline_model": "half",
        },
        "metrics[0].statistic: needs to know a perfect score: declare certainty.score_bounds",
    ),
    (
        {
            "metrics": [IC],
            "ranking.key": "ic",
            "callables.MODEL_SCORE_AGGREGATOR": "some.module:aggregate",
        },
        "metrics[0].statistic: contradicts callables.MODEL_SCORE_AGGREGATOR",
    ),
    (
        {"metrics": [IC], "ranking.key": "ic", "emission": {"ties": "tier"}},
        "emission.ties: there are no such tiers: nothing is known of how sure",
    ),
    ({"signal.answer": "mean"}, "signal: means nothing: no metric reads signals"),
    (
        {"metrics": [IC], "ranking.key": "ic", "signal.answer": "field"},
        "signal.answer_field: missing; answer 'field' needs it",
    ),
    (
        {"metrics": [IC], "ranking.key": "ic", "signal.answer_field": "x"},
        "signal.answer_field: contradicts answer 'direction' (value 'x')",
    ),
    ({"ranking.minimum_samples": 10081}, "ranking.minimum_samples: the window 'anchor'"),
    (
        {"checkpoint_interval_seconds": 5400},
        "checkpoint_interval_seconds: not a multiple of the bat",
    ),
    (
        {"checkpoint_interval_seconds": 259200},
        "checkpoint_interval_seconds: does not recur at the same times of a day or of a week",
    ),
    ({"emission": {"strategy": "top_n"}}, "emission.top_n: missing; the strategy 'top_n' needs it"),
    ({"emission": {"top_n": 3}}, "emission.top_n: means something for strategy 'top_n' only"),
    ({"emission": {"strategy": "skill"}}, "emission.baseline_model: the strategy 'skill' needs"),
    (
        {"emission": {"strategy": "skill", "baseline_score": 0.5, "rest": "equally"}},
        "emission.rest: contradicts strategy 'skill'",
    ),
    ({"emission": {"owner_cap": 0.5}}, "emission.treasury: missing; an owner_cap of 0.5"),
    (
        {"emission": {"linked_accounts": [["a", "b"], ["c", "a"]]}},
        "emission.linked_accounts[1][1]: named twice; an account is in one group, once",
    ),
    (
        {"emission": {"linked_accounts": [["a", "b"]], "treasury": "b"}},
        "emission.treasury: is among linked_accounts",
    ),
    ({"emission": {"linked_accounts": [["a"]]}}, "emission.linked_accounts"),
    ({"emission": {"rest": "treasury"}}, "emission.treasury: missing; the rest goes there"),
    (
        {"emission": {"tiers": [{"places": 3, "share": 0.4}]}},
        "emission.tiers: together more than 1, the whole (value 1.2)",
    ),
    (
        {"emission": {"tiers": [{"places": 1, "share": 0.1}, {"places": 1, "share": 0.2}]}},
        "emission.tiers[1].share: more than the places before (0.1)",
    ),
    ({"emission": {"metric": "speed"}}, "emission.metric: not among the metrics"),
    ({"emission": {"metric": "anchor"}}, "emission.metric: it is the ranking key"),
    (
        {"emission": {"minimum_presence": 0.5}},
        "emission.minimum_presence: means something for basis 'mean_of_boards' only",
    ),
    ({"emission": {"minimum_samples": 30}}, "emission.minimum_samples: means nothing"),
    ({"emission": {"strategy": "author"}}, "emission.strategy: needs callables.EMISSION_STRATEGY"),
    (
        {"callables.EMISSION_STRATEGY": "some.module:emit"},
        "callables.EMISSION_STRATEGY: is never called: emission.strategy is 'tiers'",
    ),
    (
        {"emission": {"strategy": "contribution"}},
        "emission.strategy: needs metrics that the challenge does not produce (contribution, m",
    ),
    (
        {"emission": {"ties": "tier", "metric": "recent"}},
        "emission.ties: there are no such tiers: emission.metric decides",
    ),
    ({"emission": {"payee": "alice"}}, "emission.payee: unknown field"),
    (
        {"checkpoint_interval_seconds": 60, "refresh_interval_seconds": 120},
        "checkpoint_interval_seconds: shorter than a batch window, so it means the refresh",
    ),
    (
        {"tournament_mode": "out-of-sample", "replay_allowed": True},
        "replay_allowed: contradicts tournament_mode 'out-of-sample'",
    ),
    ({"missing_data.default": "value"}, "missing_data.value: missing; the rule 'value' is used"),
    ({"missing_data.default": "baseline"}, "missing_data.baseline_model: missing; the rule"),
    ({"missing_data.value": 0.5}, "missing_data.value: contradicts the rules: none of them"),
    ({"missing_data.baseline_model": "m"}, "missing_data.baseline_model: contradicts the rules"),
]


@pytest.mark.parametrize(("changes", "expected"), CONTRADICTIONS)
def test_a_contradiction_is_refused_in_one_line_that_names_the_field(changes, expected):
    lines = refusal(changes)
    assert len(lines) == 1
    assert lines[0].startswith(expected)


@pytest.mark.parametrize(
    "section",
    [
        "", "feed.", "truth.", "limits.", "callables.", f"{CONFIG}.", f"{SCHEDULE}.", "ranking.",
        "missing_data.",
    ],
)  # fmt: skip
def test_an_unknown_field_is_refused_at_every_level(section):
    spec = {"ranking.key": "anchor", f"{section}hroizon": 1}
    expected = f"{section}hroizon: unknown field; remove it or correct its name (value 1)"
    assert refusal(spec) == [expected]


def test_a_setting_of_another_provider_is_an_unknown_field():
    lines = refusal({"feed": {**FILE_FEED, "seed": 1}})
    assert lines == ["feed.seed: unknown field; remove it or correct its name (value 1)"]


def test_an_unknown_field_of_a_metric_is_refused():
    lines = refusal({"metrics": [{**MEAN, "seconds": 1}], "ranking.key": "m"})
    assert lines == ["metrics[0].seconds: unknown field; remove it or correct its name (value 1)"]


def test_every_problem_has_a_line_of_its_own():
    lines = refusal(
        {"limits.output_bytes": "1", "na\nme": 1, "end": "2026-10-01", "truth.tie_rule": None}
    )
    assert [line.split(": ")[0] for line in lines] == [
        "end", "truth.tie_rule", "limits.output_bytes", "['na\\nme']",
    ]  # fmt: skip


def test_all_contradictions_are_told_at_once():
    lines = refusal({f"{SCHEDULE}.every_seconds": 90, "warm_up_seconds": 1, "ranking.key": "x"})
    assert len(lines) == 3


def test_two_configs_with_one_content_are_the_same_config():
    config = COMPLETE["scheduled_prediction_configs"][0]
    lines = refusal({"scheduled_prediction_configs": [config, config]})
    assert lines[0].startswith(f"scheduled_prediction_configs[1].id: the same as of {CONFIG}")


@pytest.mark.parametrize("root", [None, [], "spec", 3, {1: 2}])
def test_what_is_no_mapping_of_names_is_refused(root):
    with pytest.raises(SpecError, match="the spec"):
        checked_challenge(root)


def test_a_value_that_holds_itself_is_refused():
    scope = dict(COMPLETE)
    scope["feed"] = scope
    with pytest.raises(SpecError, match="nested more than 32 levels"):
        checked_challenge(scope)


def test_long_values_are_shortened_in_errors():
    assert len(refusal({"name": "x" * 10_000})[0]) < 250


def test_an_interval_need_not_divide_the_batch_window():
    challenge = checked_challenge(changed({f"{SCHEDULE}.every_seconds": 420}))
    assert challenge.configs[0].cadence.interval_seconds == 420


@pytest.mark.parametrize(
    "spelling", ["", "tracker.TrackerBase", "crunch_btc_up.tracker.TrackerBase"]
)
def test_the_originals_spellings_of_the_base_class_are_one(spelling):
    spec = changed({"name": "btc-up", "model_base_classname": spelling})
    assert checked_challenge(spec).model_base_classname == "tracker.TrackerBase"


@pytest.mark.parametrize(
    "path",
    [
        "my_crunch.base.ModelBase",
        "crunch_synth.tracker.TrackerBase",
        "crunch_synth.TrackerBase",
        "crunch_btc.tracker.TrackerBase",
        "crunch_btc_up.tracker.Other",
        "crunch_btc_up.sub.tracker.TrackerBase",
    ],
)
def test_the_base_class_of_another_package_is_kept(path):
    spec = changed({"name": "btc-up", "model_base_classname": path})
    assert checked_challenge(spec).model_base_classname == path


@pytest.mark.parametrize("module", ["node_template_x.scoring", "coordinator_runtime_extra"])
def test_a_module_whose_name_only_begins_like_an_internal_one_is_allowed(module):
    path = f"{module}:score"
    challenge = checked_challenge(changed({"callables.SCORING_FUNCTION": path}))
    assert path == challenge.callables.SCORING_FUNCTION


def test_the_originals_default_of_a_key_means_the_built_in():
    path = "coordinator_runtime.defaults:rank_leaderboard"
    challenge = checked_challenge(changed({"callables.LEADERBOARD_RANKER": path}))
    assert challenge.callables.LEADERBOARD_RANKER is None


def test_start_is_kept_in_utc_whatever_zone_it_is_written_in():
    challenge = checked_challenge(changed({"start": "2026-11-01T05:30:00+05:30"}))
    assert challenge.start == datetime(2026, 11, 1, tzinfo=UTC)
    assert challenge.start.utcoffset() == timedelta(0)


def test_a_version_written_as_a_number_is_understood():
    assert checked_challenge(changed({"spec_version": 1})).spec_version == "1"


def test_extra_scope_keys_are_allowed_where_the_authors_code_reads_them():
    changes = {
        f"{SCOPE}.steps": [60, 120],
        "callables.PREDICT_CALL_BUILDER": "some_challenge.calls:build",
    }
    config = checked_challenge(changed(changes)).configs[0]
    assert config.scope == {"asset": "BTC", "horizon": 60, "step": 60, "steps": [60, 120]}


def test_a_short_checkpoint_interval_becomes_the_refresh_interval_and_says_so():
    challenge = checked_challenge(changed({"checkpoint_interval_seconds": 60}))
    assert (challenge.refresh_seconds, challenge.checkpoint_seconds) == (60, 604800)
    assert "taken as refresh_interval_seconds" in challenge.notices()[-1]


def test_a_checkpoint_interval_of_whole_windows_is_kept():
    challenge = checked_challenge(changed({"checkpoint_interval_seconds": 7200}))
    assert (challenge.refresh_seconds, challenge.checkpoint_seconds) == (300, 7200)


def test_the_interval_and_the_horizon_are_shown():
    (line,) = checked_challenge(COMPLETE).notices()
    assert line.endswith("BTC every 60 s, resolved after 60 s (step 60 s)")


def test_configs_are_the_active_ones_in_their_order():
    config = COMPLETE["scheduled_prediction_configs"][0]
    configs = [
        {**config, "id": "second", "order": 2},
        {**config, "id": "never", "active": False},
        {**config, "id": "first", "order": 1},
    ]
    challenge = checked_challenge(changed({"scheduled_prediction_configs": configs}))
    assert [config.id for config in challenge.configs] == ["first", "second"]


def test_derived_values_follow_from_the_spec():
    challenge = checked_challenge(changed({"batch_window": "15m"}))
    assert challenge.key == "btc_up_down"
    assert challenge.statistics_bucket == timedelta(minutes=15)
    assert challenge.longest_window_hours == 168
    assert challenge.call_limits.output_bytes == 262_144
    assert challenge.metric("steady").window == "steady"


def test_metrics_ranking_and_direction_follow_the_profile_and_the_score_direction():
    challenge = checked_challenge(changed({"score_direction": "asc"}))
    assert challenge.ranking.key == "anchor"
    assert challenge.ranking.tie_breakers == ("steady", "recent")
    assert challenge.ranking.direction == "asc"
    risky = checked_challenge(changed({"profile": "risk_adjusted"}))
    assert risky.ranking.key == "sharpe_like"
    signals = checked_challenge(changed({"profile": "signal", "score_direction": "asc"}))
    assert signals.ranking.direction == "desc"  # whichever way scores are better
    names = [metric.name for metric in signals.metrics]
    assert names == [
        "ic", "ic_sharpe", "mean_return", "hit_rate", "sortino_ratio", "turnover",
        "model_correlation", "ensemble_correlation", "contribution", "fnc", "max_drawdown",
    ]  # fmt: skip
    losses = changed({"profile": "risk_adjusted", "score_direction": "asc"})
    assert checked_challenge(losses).ranking.direction == "desc"  # more return per risk is better
    assert {metric.window for metric in risky.metrics} == {"anchor"}


def test_a_ranking_of_ones_own_keeps_the_profiles_metrics():
    challenge = checked_challenge(changed({"ranking": {"key": "recent"}, "score_direction": "asc"}))
    assert challenge.ranking.direction == "asc"
    assert challenge.ranking.tie_breakers == ()


def test_missing_data_rules_are_looked_up_by_outcome():
    missing = {"by_status": {"ABSTAINED": "value"}, "value": 0.5}
    rules = checked_challenge(changed({"missing_data": missing})).missing_data
    assert rules.rule(Outcome.ABSTAINED) == "value"
    assert rules.rule(Outcome.TIMEOUT) == "worst"


def test_the_feeds_identity_ignores_the_order_of_subjects():
    both = [("BTC", "BTCUSDT"), ("ETH", "ETHUSDT")]
    one, other = (
        checked_challenge(changed({"feed.subjects": dict(pairs)})).identity
        for pairs in (both, both[::-1])
    )
    assert one == other


def test_a_file_feed_is_identified_by_name_subjects_and_granularity():
    challenge = checked_challenge(changed({"feed": FILE_FEED}))
    assert challenge.identity.feed == 'file prices.csv {"BTC": "BTCUSDT"} 60 s'


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["BTC", "60", "a\nb", "file", "1h", "2026-11-01", "desc", "{{ x }}"])
    | st.datetimes()
)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def places(value, path=""):
    """Every dotted path of a spec, sections included."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items:
        here = f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}".lstrip(".")
        if isinstance(value, dict):
            yield here
        if isinstance(child, dict | list):
            yield from places(child, here)


EVERYTHING = changed(
    {
        "ranking.key": "anchor", "missing_data.by_status": {"FAILED": "exclude"}, "end": None,
        "metrics": None, "profile": "windowed_mean", "trailing_windows_hours": {"anchor": 24},
        "limits.output_bytes": 10, f"{SCOPE}.horizon_seconds": 60, f"{CONFIG}.meta": {"a": 1},
        f"{CONFIG}.id": "one", "preset": "baseline", "refresh_interval_seconds": 60,
    }
)  # fmt: skip


def parsed_or_refused(raw):
    try:
        challenge = checked_challenge(raw)
    except SpecError as error:
        return str(error).split("\n")
    assert checked_challenge(challenge.model_dump(mode="json")) == challenge
    return []


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(places(EVERYTHING))), junk), max_size=3))
def test_junk_in_a_spec_is_accepted_and_round_trips_or_is_a_spec_error(replacements):
    raw = EVERYTHING
    for path, value in replacements:
        try:
            raw = changed({path: value}, raw)
        except (AttributeError, IndexError, KeyError, TypeError):
            continue  # the section was replaced before
    problems = parsed_or_refused(raw)
    assert len(set(problems)) == len(problems)
    assert all(": " in line for line in problems)


@settings(max_examples=60, deadline=None)
@given(junk)
def test_junk_instead_of_a_spec_is_a_spec_error(raw):
    with pytest.raises(SpecError):
        checked_challenge(raw)
