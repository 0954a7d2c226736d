"""One more location in a workspace file, and every other byte as it was."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.values.errors import ScaffoldError
from coordinator_pipelines.scaffold.workspace_file import with_location

OURS = {"python_file": {"relative_path": "a/definitions.py", "location_name": "a"}}
COMMENTED = """\
# ours
load_from:  # all of them
  # the first
  - python_module:
      module_name: x.y   # a comment
      location_name: x
  - python_file: z.py

# the end
other: 1
"""


def added(text: str | None, name: str = "a") -> str:
    return with_location(text, name, f"{name}/definitions.py")


def entries(text: str) -> list[object]:
    found: list[object] = yaml.safe_load(text)["load_from"]
    return found


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "# only a comment",
        "load_from:\n",
        "load_from: # nothing yet\nother: 1\n",
        "load_from: []\n",
        "load_from: [{python_file: b.py}]\n",
        "other: 1",
        "load_from:\n- python_file: b.py",
        "load_from:\n    - python_file: b.py\n    - python_file: c.py\nother: 1\n",
        COMMENTED,
        COMMENTED.replace("\n", "\r\n"),
    ],
)
def test_a_location_is_added_and_nothing_else_changes(text: str | None):
    before = (yaml.safe_load(text or "") or {}).get("load_from") or []
    after = added(text)
    assert entries(after) == [*before, OURS]
    assert added(after) == after
    kept = iter(after.splitlines())
    if "[" not in (text or ""):
        assert all(line in kept for line in (text or "").splitlines())  # in this order
    assert "\r\n" in after or "\r" not in after


@pytest.mark.parametrize(
    "text",
    [
        "- a\n",
        "7\n",
        "load_from: {}x\n",
        "load_from: {a: 1}\n",
        "a: [\n",
        "load_from: ~\nb: 1\n...\n",
    ],
)
def test_a_file_that_is_not_understood_is_left_to_its_owner(text: str):
    with pytest.raises(ScaffoldError, match="add to it by hand"):
        added(text)


def test_a_name_that_is_taken_is_refused():
    with pytest.raises(ScaffoldError, match="has a location 'x' already"):
        added(COMMENTED, "x")


def test_a_name_that_looks_like_a_number_stays_text():
    assert entries(added(None, "123"))[0]["python_file"]["location_name"] == "123"  # type: ignore[index]


LINES = st.sampled_from(
    ["# comment", "", "other: 1", "more:", "  - 1", "load_from:", "- python_file: b.py",
     "  - python_file: c.py", "  - python_module:", "      module_name: m", "      # inside"]
)  # fmt: skip


@settings(max_examples=100)
@given(st.lists(LINES, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_any_file_gains_the_location_or_stays(lines: list[str], end: str):
    text = end.join(lines)
    try:
        after = added(text)
    except ScaffoldError:
        return
    before = (yaml.safe_load(text) or {}).get("load_from") or []
    assert entries(after) == [*before, OURS]
    assert added(after) == after
