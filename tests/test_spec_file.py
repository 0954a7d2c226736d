import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.domain.values.errors import SpecError
from coordinator_pipelines.spec_file import dump_challenge, load_challenge
from tests.specs import COMPLETE, CONFIG, changed

FILE_FEED = {
    "provider": "file",
    "path": "prices/btc.csv",
    "subjects": {"BTC": "BTCUSDT"},
    "granularity_seconds": 60,
    "staleness_limit_seconds": 180,
}


@pytest.fixture
def spec_file(tmp_path):
    def write(text, name="spec.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def refusal(path):
    with pytest.raises(SpecError) as caught:
        load_challenge(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", ["spec.yaml", "spec.yml", "spec.YAML"])
def test_yaml_and_json_mean_the_same(spec_file, name):
    from_yaml = load_challenge(spec_file(yaml.safe_dump(COMPLETE), name))
    from_json = load_challenge(spec_file(json.dumps(COMPLETE), "spec.json"))
    assert from_yaml == from_json


def test_an_unquoted_instant_is_understood(spec_file):
    text = yaml.safe_dump(COMPLETE).replace("'2026-11-01T00:00:00Z'", "2026-11-01T00:00:00Z")
    assert load_challenge(spec_file(text)) == load_challenge(spec_file(yaml.safe_dump(COMPLETE)))


def test_a_byte_order_mark_is_no_obstacle(spec_file):
    load_challenge(spec_file(b"\xef\xbb\xbf" + json.dumps(COMPLETE).encode(), "spec.json"))


def test_relative_paths_are_meant_from_the_directory_of_the_spec(spec_file, tmp_path):
    spec = changed({"feed": FILE_FEED, "models_file": "../models.yaml"})
    challenge = load_challenge(spec_file(json.dumps(spec), "spec.json"))
    assert challenge.feed.path == tmp_path / "prices/btc.csv"
    assert challenge.models_file == tmp_path / "../models.yaml"


def test_absolute_paths_are_kept(spec_file):
    spec = changed({"feed": {**FILE_FEED, "path": "/data/btc.csv"}})
    challenge = load_challenge(spec_file(json.dumps(spec), "spec.json"))
    assert str(challenge.feed.path) == "/data/btc.csv"


def test_a_spec_given_by_a_relative_path_is_placed_absolutely(spec_file, tmp_path, monkeypatch):
    path = spec_file(json.dumps(COMPLETE), "spec.json")
    monkeypatch.chdir(tmp_path)
    assert load_challenge(path.relative_to(tmp_path)).models_file == tmp_path / "models.yaml"


def test_what_is_no_readable_file_is_refused(tmp_path):
    assert refusal(tmp_path / "none.yaml") == "there is no such file"
    (tmp_path / "specs.yaml").mkdir()
    assert refusal(tmp_path / "specs.yaml").startswith("this is a directory")
    assert refusal(tmp_path).startswith("a spec's name must end in .json, .yaml, .yml")
    assert refusal(tmp_path / "spec.toml").startswith("a spec's name must end in")
    (tmp_path / "file.yaml").write_text("")
    assert refusal(tmp_path / "file.yaml" / "spec.yaml").startswith("the file cannot be read")


def test_what_is_not_utf_8_is_refused(spec_file):
    assert refusal(spec_file(b"name: caf\xe9")) == "the file is not UTF-8 text (byte 9)"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "3", "# nothing but a comment"])
def test_what_is_no_mapping_is_refused(spec_file, text):
    assert refusal(spec_file(text)) == "a spec must be a mapping of fields to values"


SYNTAX = [
    ("spec.json", '{"a": 1,\n "b" 2}', "line 2, column 6: Expecting ':' delimiter"),
    ("spec.json", '{"a": 1,\n "b": {"c": 1,\n "c": 2}}', 'line 3: the key "c" is used twice'),
    ("spec.json", '{"a": {"b": 1}, "b": ["b", {}], "a": 2}', 'line 1: the key "a" is used twice'),
    ("spec.json", '{"a": 1, "\\u0061": 2}', 'line 1: the key "\\u0061" is used twice'),
    ("spec.json", '{"a": NaN}', "a: is NaN"),
    ("spec.json", '{"a": ' + "9" * 5000 + "}", "it cannot be read: "),
    ("spec.json", "[" * 100_000, "it is nested too deeply"),
    ("spec.yaml", "a: 1\nb: [1, 2\n", "line 3, column 1: expected ',' or ']'"),
    ("spec.yaml", "a: 1\nb:\n  c: 1\n  c: 2\n", "line 4, column 3: the key 'c' is used twice"),
    ("spec.yaml", 'a: 1\n"a": 2\n', "line 2, column 1: the key 'a' is used twice"),
    ("spec.yaml", "no: 1\n", "line 1, column 1: the key no is not text; put it in quotes"),
    ("spec.yaml", "? [a]\n: 1\n", "line 1, column 3: a key is not text"),
    ("spec.yaml", "a: &x 1\nb: 2\n", "line 1, column 4: anchors and aliases are not read here"),
    ("spec.yaml", "a: *x\n", "line 1, column 4: anchors and aliases are not read here"),
    ("spec.yaml", "a: !!python/object:os.system x\n", "line 1, column 4: the tag "),
    ("spec.yaml", "a: !!int x\n", "line 1, column 4: the tag "),
    ("spec.yaml", "a: 1\n---\nb: 1\n", "line 2, column 1: but found another document"),
    ("spec.yaml", "a: \x01\n", "it cannot be read: unacceptable character"),
    ("spec.yaml", "a: " + "9" * 5000 + "\n", "it cannot be read: "),
    ("spec.yaml", "a: " + "[" * 50_000, "it is nested too deeply"),
]


@pytest.mark.parametrize(("name", "text", "expected"), SYNTAX)
def test_a_broken_text_is_refused_with_its_place(spec_file, name, text, expected):
    assert refusal(spec_file(text, name)).startswith(expected)


QUIRKS = [
    ("name: btc-up-down", "name: no", "name: must be text; put it in quotes"),
    ("name: btc-up-down", "name: 123", "name: must be text; put it in quotes"),
    ("name: btc-up-down", "name: 1e3", "name: must be text; put it in quotes"),
    ("every_seconds: 60", "every_seconds: 0600", f"{CONFIG}.schedule.every_seconds: must be a who"),
    ("every_seconds: 60", "every_seconds: 1:00", f"{CONFIG}.schedule.every_seconds: must be a who"),
    ("every_seconds: 60", "every_seconds: 6e1", f"{CONFIG}.schedule.every_seconds: must be a whol"),
    ("every_seconds: 60", "every_seconds:", f"{CONFIG}.schedule.every_seconds: must be a whole nu"),
    ("'2026-11-01T00:00:00Z'", "2026-11-01", "start: must be an instant with a zone, such as"),
    ("name: btc-up-down", "<<: {name: x}", "name: missing; it must be given"),
]


@pytest.mark.parametrize(("written", "instead", "expected"), QUIRKS)
def test_what_yaml_would_guess_ends_in_a_clear_message(spec_file, written, instead, expected):
    text = yaml.safe_dump(COMPLETE)
    assert written in text
    assert expected in refusal(spec_file(text.replace(written, instead)))


def test_several_problems_are_listed_below_the_path(spec_file):
    text = refusal(spec_file(json.dumps({"spec_version": "1"}), "spec.json"))
    assert text.startswith("the spec is refused:\n  name: missing; it must be given\n  start: ")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_dumped_challenge_loads_as_an_equal_one(spec_file, preset):
    wanted = ["spec_version", "name", "start"]
    if "convention" not in PRESETS[preset].get("truth", {}):
        wanted.append("truth")
    spec = {field: COMPLETE[field] for field in wanted}
    challenge = load_challenge(spec_file(yaml.safe_dump({**spec, "preset": preset})))
    assert load_challenge(spec_file(dump_challenge(challenge), "dumped.yaml")) == challenge


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
        | st.sampled_from(["no", "1e3", "0600", "1:00", "~", "2026-11-01", "<<", "=", "- a", ""])
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.integers(-(2**63), 2**63 - 1)
        | st.none(),
        max_size=4,
    )
)
def test_notes_of_any_kind_survive_a_dump(spec_file, meta):
    challenge = checked_challenge(changed({f"{CONFIG}.meta": meta, "models_file": "/models.yaml"}))
    assert load_challenge(spec_file(dump_challenge(challenge))) == challenge


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["spec.json", "spec.yaml"]),
    st.binary(max_size=40)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.encode)
    | st.text("{}[]:,-'\"#&*!|>%@ \n\tab01?<=~.", max_size=40).map(str.encode),
)
def test_any_bytes_are_no_more_than_a_spec_error(spec_file, name, content):
    with pytest.raises(SpecError, match=name):
        load_challenge(spec_file(content, name))
