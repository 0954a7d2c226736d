"""Names that want to be code: refused, or quoted so that they stay names."""

from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.scaffold.blueprint import blueprint
from coordinator_pipelines.scaffold.escaping import environment
from coordinator_pipelines.scaffold.manifest import MANIFEST_FILE, read_manifest
from tests.scaffold.conftest import TODAY, Make, loaded, tree

HOSTILE = [
    "../x", "a/b", "/tmp/x", "x\ny", "x\r", "{{ 7*7 }}", "{% raw %}", "$(id)", "`id`", "x;id",
    "x'y", 'x"y', "x#y", "x\\", "x: y", "- x", "&x", "x\x00", "x y", "é", "\u2028", "..", ".", "",
    "-x", "x-", "x--y", "con$", "${HOME}", "%n", "x" * 61,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_slug_is_refused(name: str):
    with pytest.raises(CoordinatorError, match="name"):
        blueprint({}, name=name, preset=None, today=TODAY)


@pytest.mark.parametrize("text", [text for text in HOSTILE if text and len(text) < 61])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("crunch_id", lambda text: text),
        ("model_base_classname", lambda text: f"tracker.{text}"),
        ("callables", lambda text: {"SCORING_FUNCTION": f"{text}:f"}),
        ("callables", lambda text: {"REPORT_SCHEMA_PROVIDER": f"json:{text}"}),
        ("model_interface", lambda text: {"predict_method": text}),
        ("model_interface", lambda text: {"predict_arguments": {text: "asset"}}),
        ("trailing_windows_hours", lambda text: {text: 24}),
    ],
)
def test_a_hostile_text_is_refused_wherever_it_would_become_code(field: str, value: Any, text: str):
    with pytest.raises(CoordinatorError, match=field):
        blueprint({field: value(text)}, name="a", preset=None, today=TODAY)


TEXTS = st.text(max_size=20) | st.sampled_from(HOSTILE)


@settings(max_examples=100)
@given(TEXTS)
def test_what_a_template_prints_is_a_literal_that_ends_where_it_ends(text: str):
    loader = jinja2.DictLoader({"x": "VALUE = {{ text|quoted }}\nOTHER = 1\n"})
    code = environment(loader, ".py").get_template("x").render(text=text)
    found: dict[str, Any] = {}
    exec(code, found)
    assert (found["VALUE"], found["OTHER"]) == (text, 1)


@pytest.mark.parametrize("suffix", [".py", ".yaml", ".yml", ".toml", ".md", ".sql", ""])
@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_not_quoted_must_be_harmless(suffix: str, text: str):
    filled = environment(jinja2.DictLoader({"x": "{{ text }}"}), suffix).get_template("x")
    if text.startswith("x-") or set(text) == {"x"}:
        assert filled.render(text=text) == text
        return
    with pytest.raises(ValueError, match="must be quoted"):
        filled.render(text=text)


def test_a_text_cannot_be_quoted_where_no_quoting_is_known():
    filled = environment(jinja2.DictLoader({"x": "{{ 'a b'|quoted }}"}), ".md")
    with pytest.raises(ValueError, match="cannot be quoted"):
        filled.get_template("x").render()


def test_a_hostile_note_stays_a_note(make: Make):
    note = "\"\"\"\n'''; import os\n{{ 7*7 }} $(id) ../x"
    config = {
        "scope_key": "BTC",
        "scope_template": {"asset": "BTC", "horizon": 60},
        "schedule": {"every_seconds": 60},
        "meta": {note: note},
    }
    created = make(scheduled_prediction_configs=[config])
    guilty = [name for name, text in tree(created.workspace).items() if b"import os" in text]
    assert guilty == [f"crunch-node-btc-trader/{name}" for name in (MANIFEST_FILE, "spec.yaml")]
    remembered = read_manifest(created.node).answers["scheduled_prediction_configs"][0]
    assert remembered["meta"] == {note: note}
    assert loaded(created)
