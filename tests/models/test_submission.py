import hashlib
import os
import socket
from pathlib import Path

import pytest

from coordinator_pipelines.models import submission, untrusted_files
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.models.submission import code_hash, copy, is_submitted, signature

NOTHING = hashlib.sha256().hexdigest()


@pytest.fixture
def package(tmp_path):
    """A model of several modules, with weights that it brings along."""
    directory = tmp_path / "package"
    for name in ("main.py", "lib/__init__.py", "lib/resources/table.py", "resources/weights.json"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return directory


def names(directory):
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*")}


def test_a_copy_has_all_that_the_author_handed_in_and_nothing_else(package, tmp_path):
    handed_in = names(package)
    for name in ("__pycache__/main.pyc", "lib/__pycache__/x.pyc", ".git/HEAD", ".env"):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left behind")
    copy(package, tmp_path / "copy")
    assert names(tmp_path / "copy") == handed_in
    assert (tmp_path / "copy/resources/weights.json").read_text() == "resources/weights.json"


def test_a_copy_has_a_place_to_write_to_in_any_case(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package/main.py").touch()
    copy(tmp_path / "package", tmp_path / "copy")
    assert (tmp_path / "copy/resources").is_dir()


@pytest.mark.parametrize("place", ["weights.json", "lib/weights.json", "resources/weights.json"])
def test_a_link_is_refused_by_name_so_that_no_file_of_the_host_gets_into_a_copy(
    package, tmp_path, place
):
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    (package / place).unlink(missing_ok=True)
    (package / place).symlink_to(secret)
    with pytest.raises(OSError, match=rf"^{place} is a link"):
        copy(package, tmp_path / "copy")


def test_a_linked_directory_is_refused_also_one_that_holds_itself(package, tmp_path):
    (package / "data").symlink_to(package)
    with pytest.raises(OSError, match=r"^data is a link"):
        copy(package, tmp_path / "copy")


def test_what_is_no_file_is_refused_by_name(package, tmp_path):
    os.mkfifo(package / "pipe")
    with pytest.raises(OSError, match=r"^pipe is neither a file nor a directory"):
        copy(package, tmp_path / "copy")


def test_a_directory_without_main_py_is_refused(package, tmp_path):
    (package / "main.py").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no main\.py in .*package"):
        copy(package, tmp_path / "copy")


@pytest.mark.parametrize("place", ["main.py", "lib/resources/table.py", "resources/weights.json"])
def test_a_changed_file_changes_the_signature_wherever_it_is(package, place):
    before = signature(package)
    (package / place).write_text("changed")
    assert signature(package) != before


def test_what_running_leaves_behind_does_not_change_the_signature(package):
    before = signature(package)
    for name in ("__pycache__/main.pyc", "lib/__pycache__/x.pyc", ".git/HEAD", ".venv/bin/python"):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left behind")
    assert signature(package) == before


def test_the_code_hash_follows_names_and_contents_and_nothing_that_running_leaves(tmp_path):
    (tmp_path / "main.py").write_text("a")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/part.py").write_text("b")
    before = code_hash(tmp_path)
    for name in ("__pycache__/main.pyc", "lib/__pycache__/x.pyc", ".git/HEAD", "resources/out"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("left behind")
    assert code_hash(tmp_path) == before
    (tmp_path / "lib/part.py").rename(tmp_path / "lib/other.py")
    renamed = code_hash(tmp_path)
    (tmp_path / "main.py").write_text("ab")
    assert len({before, renamed, code_hash(tmp_path)}) == 3


def test_bytes_cannot_move_between_files_without_a_trace(tmp_path):
    (tmp_path / "main.py").write_text("ab")
    (tmp_path / "other.py").write_text("c")
    before = code_hash(tmp_path)
    (tmp_path / "main.py").write_text("a")
    (tmp_path / "other.py").write_text("bc")
    assert code_hash(tmp_path) != before


@pytest.mark.parametrize("linked", ["alice", "alice/v1", "alice/v1/package"])
def test_a_link_on_the_way_to_a_model_does_not_hand_it_another_ones_files(tmp_path, linked):
    (tmp_path / "bob/v1/package").mkdir(parents=True)
    (tmp_path / "bob/v1/package/main.py").write_text("a rival's")
    handed_in = tmp_path / "alice/v1/package"
    (tmp_path / linked).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / linked).symlink_to(tmp_path / linked.replace("alice", "bob"))
    with pytest.raises(OSError, match=rf"{Path(linked).name} on the way there is a link"):
        copy(handed_in, tmp_path / "copy")
    assert not is_submitted(handed_in)
    assert code_hash(handed_in) == NOTHING
    [member] = roster(tmp_path, "alice/v1/package").members
    assert (member.directory, member.code_hash) == (handed_in, NOTHING)


def test_links_on_the_operators_side_of_the_way_are_followed(package, tmp_path):
    (tmp_path / "current").symlink_to(tmp_path)
    for path in ("package", tmp_path / "current/package"):
        [member] = roster(tmp_path / "current", path).members
        assert (member.directory, member.code_hash) == (package, code_hash(package))


def roster(directory, path):
    """A roster of one model."""
    (directory / "models.yaml").write_text(f"models: [{{id: a, path: {path}}}]")
    return Roster.load(directory / "models.yaml")


@pytest.mark.parametrize("name", [b"\xff.py", b"a\nModel host ready: b", "\u202egpj.py".encode()])
def test_a_name_that_cannot_be_printed_costs_only_its_own_model(package, tmp_path, name):
    Path(os.fsdecode(os.fsencode(package) + b"/lib/" + name)).touch()
    with pytest.raises(OSError, match="what cannot be printed; rename it") as raised:
        copy(package, tmp_path / "copy")
    assert str(raised.value).isprintable()
    assert code_hash(package) == NOTHING
    assert signature(package)


@pytest.mark.parametrize("name", ["requirements.txt", "main.py", "lib/table.py"])
def test_a_pipe_is_never_waited_for_whatever_its_name(package, tmp_path, name):
    (package / name).unlink(missing_ok=True)
    os.mkfifo(package / name)
    with pytest.raises(OSError, match=rf"^{name} is neither a file nor a directory"):
        copy(package, tmp_path / "copy")
    assert code_hash(package) == NOTHING
    assert signature(package)
    assert is_submitted(package) == (name != "main.py")


def test_a_socket_and_a_second_name_of_a_file_are_refused(package, tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(package / "s"))
        with pytest.raises(OSError, match=r"^s is neither a file nor a directory"):
            copy(package, tmp_path / "copy")
        (package / "s").unlink()
    (tmp_path / "secret").touch()
    os.link(tmp_path / "secret", package / "requirements.txt")
    with pytest.raises(OSError, match=r"^requirements\.txt is a file that is elsewhere too"):
        copy(package, tmp_path / "copy")


def test_an_installer_may_make_hard_links_of_the_starters_models(package, tmp_path, monkeypatch):
    os.link(package / "main.py", tmp_path / "cache")
    with pytest.raises(OSError, match="hard link"):
        copy(package, tmp_path / "refused")
    monkeypatch.setattr(submission, "OURS", tmp_path)
    copy(package, tmp_path / "copy")
    assert (tmp_path / "copy/main.py").read_text() == "main.py"


def test_a_linked_main_py_is_no_submission(package, tmp_path):
    (package / "main.py").rename(tmp_path / "elsewhere.py")
    (package / "main.py").symlink_to(tmp_path / "elsewhere.py")
    assert not is_submitted(package)
    assert code_hash(package) == NOTHING


def test_number_depth_and_size_are_bounded(package, tmp_path, monkeypatch):
    monkeypatch.setattr(untrusted_files, "MOST_FILES", 20)
    for number in range(21):
        (package / f".hidden-{number}").touch()
    with pytest.raises(OSError, match="more than 20 files"):
        copy(package, tmp_path / "many")
    monkeypatch.undo()
    with (package / "lib/huge").open("wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(OSError, match="more than 2 GB"):
        copy(package, tmp_path / "large")
    assert code_hash(package) == NOTHING
    (package / "lib/huge").unlink()
    (package / Path(*["d"] * 40)).mkdir(parents=True)
    with pytest.raises(OSError, match="nested deeper than 32"):
        copy(package, tmp_path / "deep")
    assert signature(package) == signature(package)
