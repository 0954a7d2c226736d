import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from coordinator_pipelines.domain.doors.ledger import MEMBERSHIP_COLUMNS
from coordinator_pipelines.domain.values.errors import RosterError
from coordinator_pipelines.models.roster import Entry, Roster

START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def load(tmp_path: Path):
    def write_and_load(text: str) -> Roster:
        path = tmp_path / "models.yaml"
        path.write_text(text)
        return Roster.load(path)

    return write_and_load


def test_members_come_in_the_order_of_the_file_with_their_directories(load, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/main.py").write_text("x = 1")
    roster = load("models: [{id: b, path: b, name: Bee, owner: me}, {id: a, path: ./a}]")
    assert [member.model_id for member in roster.members] == ["b", "a"]
    assert [member.name for member in roster.members] == ["Bee", "a"]
    assert [member.owner for member in roster.members] == ["me", "unknown"]
    assert roster.members[0].directory == tmp_path / "b"


def test_the_owners_name_is_the_account_too_unless_the_file_says_otherwise(load):
    roster = load(
        "models: [{id: a, path: a, owner: alice}, {id: b, path: b, owner: alice, owner_id: c-2}]"
    )
    assert [(each.owner, each.owner_id) for each in roster.members] == [
        ("alice", "alice"), ("alice", "c-2"),
    ]  # fmt: skip
    assert roster.memberships(START)["owner_id"].tolist() == ["alice", "c-2"]


def test_a_model_without_files_is_a_member_with_the_hash_of_nothing(load, tmp_path):
    (tmp_path / "empty").mkdir()
    roster = load("models: [{id: gone, path: nowhere}, {id: empty, path: empty}]")
    nothing = hashlib.sha256(b"").hexdigest()
    assert [member.code_hash for member in roster.members] == [nothing, nothing]


def test_memberships_begin_with_the_challenge_and_stay_open_unless_the_file_says_otherwise(load):
    frame = load(
        """
        models:
          - {id: stays, path: a}
          - {id: visits, path: b, active_from: "2026-11-02T01:00:00+01:00",
             active_until: 2026-11-03T00:00:00Z}
        """
    ).memberships(START)
    assert list(frame.columns) == list(MEMBERSHIP_COLUMNS)
    assert frame["mode"].unique().tolist() == ["replay"]
    assert frame["joined_at"].tolist() == [pd.Timestamp(START), pd.Timestamp("2026-11-02", tz=UTC)]
    assert frame["left_at"].isna().tolist() == [True, False]
    assert frame["left_at"][1] == pd.Timestamp("2026-11-03", tz=UTC)
    assert {str(frame[name].dtype) for name in ("joined_at", "left_at")} == {"datetime64[us, UTC]"}


def test_a_model_that_left_and_came_back_is_one_member_with_two_memberships(load):
    roster = load(
        """
        models:
          - {id: a, path: a, active_until: 2026-11-02T00:00:00Z}
          - {id: a, path: a, active_from: 2026-11-02T00:00:00Z, owner: new}
        """
    )
    assert [member.owner for member in roster.members] == ["new"]
    assert len(roster.memberships(START)) == 2


def test_who_left_before_the_start_is_no_member(load):
    roster = load("models: [{id: a, path: a, active_until: 2026-10-01T00:00:00Z}]")
    assert roster.memberships(START).empty


def test_an_empty_roster_has_an_empty_typed_frame(load):
    frame = load("models: []").memberships(START)
    assert frame.empty
    assert str(frame["joined_at"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("models: [{id: a, path: a, colour: red}]", ["models[0] (id 'a').colour", "red"]),
        ("{models: [], extra: 1}", ["extra"]),
        ("models: [{id: a b, path: a}]", ["(id 'a b').id", "letters", "'a b'"]),
        ("models: [{id: ../x, path: a}]", ["'../x'"]),
        (f"models: [{{id: {'a' * 101}, path: a}}]", ["100 characters"]),
        ("models: [{id: 12, path: a}]", ["models[0] (id 12).id", "string"]),
        ("models: [{id: a}]", ["models[0] (id 'a').path", "required"]),
        ("models: [{path: a}]", ["models[0] (id None).id"]),
        ("models: [word]", ["models[0]", "word"]),
        ("models: 3", ["models", "list"]),
        ("[]", ["the file"]),
        ("", ["the file"]),
        ("models: [", ["not valid YAML"]),
        (
            "models: [{id: a, path: a, active_from: 2026-11-01T00:00:00}]",
            ["(id 'a').active_from", "timezone"],
        ),
        ("models: [{id: a, path: a, active_from: 2026-11-01}]", ["active_from", "time zone"]),
        ("models: [{id: a, path: a, active_until: 1790000000}]", ["active_until", "1790000000"]),
        (
            "models: [{id: a, path: a, active_from: 2026-11-02T00:00:00Z, "
            "active_until: 2026-11-02T00:00:00Z}]",
            ["models[0] (id 'a')", "not after", "2026-11-02"],
        ),
        ("models: [{id: a, path: a}, {id: a, path: a}]", ["'a'", "disjoint"]),
        (
            "models: [{id: a, path: a, active_until: 2026-11-02T00:00:00Z}, "
            "{id: a, path: b, active_from: 2026-11-02T00:00:00Z}]",
            ["'a'", "two paths", "'b'"],
        ),
        (
            "models: [{id: a, path: a, active_until: 2026-11-03T00:00:00Z}, "
            "{id: a, path: a, active_from: 2026-11-02T00:00:00Z}]",
            ["'a'", "2026-11-03", "2026-11-02", "disjoint"],
        ),
    ],
)
def test_a_mistake_names_the_file_the_entry_and_the_value(load, text, parts):
    with pytest.raises(RosterError) as raised:
        load(text)
    for part in ["models.yaml", *parts]:
        assert part in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RosterError, match=r"none\.yaml.*cannot be read"):
        Roster.load(tmp_path / "none.yaml")


@settings(max_examples=60)
@given(st.text(max_size=12))
def test_an_accepted_id_is_a_safe_file_name(text):
    try:
        Entry(id=text, path="a")
    except ValidationError:
        return
    assert text == Path(text).name
    assert text.isascii()
    assert not text.startswith(".")


def test_a_models_file_may_be_a_link_but_not_a_pipe(tmp_path):
    (tmp_path / "real.yaml").write_text("models: [{id: a, path: a}]")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    assert [each.model_id for each in Roster.load(tmp_path / "link.yaml").members] == ["a"]
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(RosterError, match="cannot be read: it is no plain file"):
        Roster.load(tmp_path / "pipe.yaml")
