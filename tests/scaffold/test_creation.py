"""What is on disk when all goes well, and when it does not."""

import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest
import yaml

from coordinator_pipelines.domain.values.errors import ScaffoldError
from coordinator_pipelines.scaffold.tree import put_in_place, written_aside
from tests.scaffold.conftest import Make, tree


@contextmanager
def full_disk(most: int) -> Iterator[None]:
    """No file can be longer than so many bytes, as if there were no more room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Interrupted(Mapping[PurePosixPath, str]):
    """Files of which the second never comes: the user has pressed Ctrl-C."""

    def __getitem__(self, path: PurePosixPath) -> str:
        if path.name == "second":
            raise KeyboardInterrupt
        return "text"

    def __iter__(self) -> Iterator[PurePosixPath]:
        yield from (PurePosixPath("first"), PurePosixPath("second"))

    def __len__(self) -> int:
        return 2


def test_the_six_definition_points_are_in_one_place_each(make: Make):
    created = make()
    names = set(tree(created.workspace))
    package = "crunch-btc-trader/crunch_btc_trader"
    for module in ("tracker", "inference", "validation", "scoring", "ranking", "reporting"):
        assert f"{package}/{module}.py" in names
    spec = (created.node / "spec.yaml").read_text()
    assert "Definition point 6" in spec
    assert "checkpoint_interval_seconds: 604800" in spec
    text = b"\n".join(tree(created.workspace).values())
    assert b"TODO" not in text
    assert b"{{" not in text


def test_every_generated_yaml_file_can_be_read(make: Make):
    files = tree(make("123").workspace)
    read = {name: yaml.safe_load(text) for name, text in files.items() if ".y" in name[-5:]}
    assert read["crunch-node-123/workspace.yaml"]["load_from"][0]["python_file"] == {
        "relative_path": "definitions.py", "location_name": "123",
    }  # fmt: skip
    images = [s["image"] for s in read["crunch-node-123/docker-compose.yml"]["services"].values()]
    assert all(":" in image and not image.endswith("latest") for image in images)


def test_nothing_is_overwritten_without_force(make: Make):
    created = make()
    before = tree(created.workspace.parent)
    with pytest.raises(ScaffoldError, match="Use --force to overwrite"):
        make(preset="realtime")
    assert tree(created.workspace.parent) == before


def test_force_keeps_what_was_there_under_another_name(make: Make):
    created = make()
    (created.workspace / "notes.txt").write_text("mine")
    again = make(force=True, preset="realtime")
    assert again.replaced is not None
    assert (again.replaced / "notes.txt").read_text() == "mine"
    assert not (again.workspace / "notes.txt").exists()
    names = {path.name for path in created.workspace.parent.iterdir()}
    assert names == {"btc-trader", "btc-trader.replaced-1", "workspace.yaml"}


@pytest.mark.parametrize("most", [0, 500, 2000])
def test_a_full_disk_changes_nothing(make: Make, most: int):
    created = make()
    before = tree(created.workspace.parent)
    with full_disk(most), pytest.raises(ScaffoldError, match="cannot be written: File too large"):
        make(force=True, preset="realtime")
    assert tree(created.workspace.parent) == before
    assert len(list(created.workspace.parent.iterdir())) == 2


def test_a_full_disk_leaves_no_half_written_workspace(make: Make, tmp_path: Path):
    with full_disk(500), pytest.raises(ScaffoldError):
        make()
    assert list((tmp_path / "project").iterdir()) == []


def test_an_output_that_is_a_file_is_refused(make: Make, tmp_path: Path):
    (tmp_path / "project").write_text("a file")
    with pytest.raises(ScaffoldError, match="--output"):
        make()
    assert (tmp_path / "project").read_text() == "a file"


def test_an_interrupted_scaffold_leaves_nothing(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), written_aside(tmp_path, Interrupted()):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_tree_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path: Path):
    target = tmp_path / "challenge"
    target.mkdir()
    (target / "code.py").write_text("mine")
    with pytest.raises(ScaffoldError):
        put_in_place(tmp_path / "missing", target)
    assert tree(tmp_path) == {"challenge/code.py": b"mine"}


def test_a_link_is_replaced_and_not_followed(make: Make, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "btc-trader").symlink_to(elsewhere)
    with pytest.raises(ScaffoldError, match="already exists"):
        make()
    created = make(force=True)
    assert list(elsewhere.iterdir()) == []
    assert not created.workspace.is_symlink()


def test_a_workspace_file_that_is_not_understood_stops_everything(make: Make, tmp_path: Path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "workspace.yaml").write_text("load_from: 7\n")
    with pytest.raises(ScaffoldError, match="add to it by hand"):
        make()
    assert tree(tmp_path / "project") == {"workspace.yaml": b"load_from: 7\n"}


def test_two_challenges_share_a_workspace_file(make: Make):
    first, second = make("one"), make("two", preset="realtime")
    entries = yaml.safe_load(second.locations.read_text())["load_from"]
    assert [entry["python_file"]["location_name"] for entry in entries] == ["one", "two"]
    for entry in entries:
        path = first.locations.parent / entry["python_file"]["relative_path"]
        assert path.is_file()
