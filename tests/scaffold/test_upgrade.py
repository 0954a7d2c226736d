"""What becomes of a node when templates change: nothing of its author's is lost."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from coordinator_pipelines.domain.values.errors import ScaffoldError, SpecError
from coordinator_pipelines.scaffold.manifest import (
    MANIFEST_FILE,
    blueprint_of,
    digest,
    from_templates,
    read_manifest,
)
from coordinator_pipelines.scaffold.rendering import rendered
from coordinator_pipelines.scaffold.upgrade import changes, upgrade
from tests.command import Commands
from tests.scaffold.conftest import Make, tree
from tests.scaffold.test_creation import full_disk

Texts = dict[str, str]


def templates(node: Path) -> Texts:
    """What the templates say of a node today."""
    plan = blueprint_of(node, read_manifest(node))
    return from_templates(plan.names, rendered(plan))


def brought_to(node: Path, offered: Mapping[str, str]) -> list[tuple[str, str]]:
    """Upgrade a node to such templates; what happened to which file."""
    manifest = read_manifest(node)
    found = changes(node, manifest, offered)
    upgrade(node, manifest, offered, found)
    return [(str(change.action), change.path) for change in found]


def others(node: Path) -> dict[str, bytes]:
    """All files but what the node remembers of its templates."""
    return {name: text for name, text in tree(node).items() if name != MANIFEST_FILE}


@pytest.fixture
def node(make: Make) -> Path:
    return make().node


@pytest.fixture
def newer(node: Path) -> Texts:
    """Newer templates: a changed Makefile, a new file, and no ``.gitignore`` any more."""
    offered = templates(node)
    offered["Makefile"] += "newer:\n"
    offered["deployment/new.conf"] = "new\n"
    del offered[".gitignore"]
    return offered


def test_a_new_node_is_up_to_date(node: Path):
    before = tree(node)
    assert {"Makefile", "definitions.py", "Dockerfile"} <= set(templates(node))
    assert brought_to(node, templates(node)) == []
    assert tree(node) == before


def test_an_untouched_node_becomes_what_the_templates_say(node: Path, newer: Texts):
    mine = {name: (node / name).read_text() for name in ("spec.yaml", "models.yaml", "README.md")}
    (node / "notes.txt").write_text("mine")
    done = brought_to(node, newer)
    assert done == [
        ("remove", ".gitignore"), ("replace", "Makefile"), ("add", "deployment/new.conf"),
    ]  # fmt: skip
    expected = {**newer, **mine, "notes.txt": "mine"}
    assert others(node) == {name: text.encode() for name, text in expected.items()}


def test_the_public_package_and_the_authors_files_are_never_part_of_it(node: Path):
    assert not {"spec.yaml", "models.yaml", "README.md"} & set(templates(node))
    public = node.with_name("crunch-btc-trader")
    before = tree(public)
    (node / "spec.yaml").write_text("not even a spec")
    brought_to(node, {})
    assert tree(public) == before
    assert set(others(node)) == {"spec.yaml", "models.yaml", "README.md"}


def test_a_changed_file_is_kept_and_the_templates_is_put_beside_it(node: Path, newer: Texts):
    for name in ("Makefile", ".gitignore"):
        (node / name).write_text("mine")
    done = brought_to(node, newer)
    assert done == [
        ("leave", ".gitignore"), ("keep", "Makefile"), ("add", "deployment/new.conf"),
    ]  # fmt: skip
    assert (node / "Makefile").read_text() == (node / ".gitignore").read_text() == "mine"
    assert (node / "Makefile.new").read_text() == newer["Makefile"]


def test_a_changed_file_whose_template_did_not_change_is_not_spoken_of(node: Path):
    (node / "Makefile").write_text("mine")
    before = tree(node)
    assert brought_to(node, templates(node)) == []
    assert tree(node) == before


def test_a_second_upgrade_changes_nothing(node: Path, newer: Texts):
    (node / "Makefile").write_text("mine")
    brought_to(node, newer)
    (node / "Makefile.new").unlink()
    before = tree(node)
    assert brought_to(node, newer) == []
    assert tree(node) == before


def test_a_file_taken_over_from_the_template_is_the_templates_again(node: Path, newer: Texts):
    (node / "Makefile").write_text("mine")
    brought_to(node, newer)
    (node / "Makefile.new").replace(node / "Makefile")
    assert brought_to(node, {**newer, "Makefile": "newest"}) == [("replace", "Makefile")]


def test_a_file_that_the_author_has_removed_does_not_come_back(node: Path, newer: Texts):
    (node / "Makefile").unlink()
    (node / ".gitignore").unlink()
    assert brought_to(node, newer) == [("add", "deployment/new.conf")]
    assert not (node / "Makefile").exists()


def test_an_own_file_with_the_name_of_a_new_one_is_kept(node: Path, newer: Texts):
    (node / "deployment" / "new.conf").write_text("mine")
    assert ("keep", "deployment/new.conf") in brought_to(node, newer)
    assert (node / "deployment" / "new.conf").read_text() == "mine"
    assert (node / "deployment" / "new.conf.new").read_text() == "new\n"


def test_a_link_is_the_authors_and_is_not_followed(node: Path, newer: Texts, tmp_path: Path):
    elsewhere = tmp_path / "Makefile"
    (node / "Makefile").rename(elsewhere)
    (node / "Makefile").symlink_to(elsewhere)
    before = elsewhere.read_text()
    assert ("keep", "Makefile") in brought_to(node, newer)
    assert (node / "Makefile").is_symlink()
    assert elsewhere.read_text() == before


def test_permissions_stay(node: Path, newer: Texts):
    (node / "Makefile").chmod(0o600)
    brought_to(node, newer)
    assert (node / "Makefile").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_changes_nothing(node: Path, newer: Texts):
    before = tree(node)
    newer["Dockerfile"] = "x" * 5000
    with full_disk(4000), pytest.raises(ScaffoldError, match="File too large"):
        brought_to(node, newer)
    assert tree(node) == before


def test_a_failure_half_way_leaves_every_old_file(node: Path, newer: Texts):
    manifest = read_manifest(node)
    found = changes(node, manifest, newer)
    (node / "deployment" / "new.conf").mkdir()  # in the meantime: now it cannot be added
    (node / "deployment" / "new.conf" / "mine").write_text("mine")
    before = tree(node)
    with pytest.raises(ScaffoldError):
        upgrade(node, manifest, newer, found)
    assert tree(node) == before
    assert not list(node.glob(".scaffold-*"))


def test_a_node_without_a_memory_is_left_alone(node: Path):
    (node / MANIFEST_FILE).unlink()
    with pytest.raises(ScaffoldError, match=r"is not there\. Call this in a node"):
        read_manifest(node)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"files": {"../../x": digest("x")}}, "must be the path of a file in the node"),
        ({"files": 7}, "files: "),
        ({"surprise": 1}, "surprise: "),
    ],
)
def test_a_memory_that_was_edited_is_refused(node: Path, change: dict[str, object], said: str):
    remembered = json.loads((node / MANIFEST_FILE).read_text())
    (node / MANIFEST_FILE).write_text(json.dumps({**remembered, **change}))
    with pytest.raises(ScaffoldError, match=said):
        read_manifest(node)


def test_answers_that_are_no_spec_any_more_are_named(node: Path):
    manifest = read_manifest(node)
    edited = manifest.model_copy(update={"answers": {**manifest.answers, "batch_window": "2h"}})
    with pytest.raises(SpecError, match=rf"{MANIFEST_FILE}: batch_window: must be"):
        blueprint_of(node, edited)


def test_the_command_shows_and_then_does(node: Path, tmp_path: Path):
    coordinator = Commands(tmp_path)
    refused = coordinator.refuse("upgrade")
    assert "Call this in a node" in refused

    now = (node / "Makefile").read_text()
    manifest = read_manifest(node)
    older = {**manifest.files, "Makefile": digest("older\n")}
    (node / "Makefile").write_text("older\n")
    (node / MANIFEST_FILE).write_text(manifest.model_copy(update={"files": older}).text())
    before = tree(node)

    shown = coordinator.run("upgrade", "--check", cwd=node)
    assert shown.status == 1
    assert "replace Makefile: changed in the templates\n--- Makefile\n" in shown.out
    assert "\n-older\n" in shown.out
    assert "Nothing has been written" in shown.out
    assert tree(node) == before

    assert "replace Makefile" in coordinator.succeed("upgrade", cwd=node)
    assert (node / "Makefile").read_text() == now
    assert brought_to(node, templates(node)) == []
