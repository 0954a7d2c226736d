import os

import pytest

from coordinator_pipelines.models.requirements import (
    FILE_BYTES,
    RequirementsError,
    requirements,
)


@pytest.fixture
def read(tmp_path):
    """Read a file with this text."""

    def read_text(text):
        path = tmp_path / "requirements.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return requirements(path)

    return read_text


def test_without_a_file_nothing_is_required(tmp_path):
    assert requirements(tmp_path / "requirements.txt") == []


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "scikit-learn==1.5.2",
        "ruamel.yaml >= 0.18, < 1",
        "pandas~=2.2",
        "torch!=2.0.*",
        "uvicorn[standard]>=0.30",
        "tomli>=2; python_version < '3.11'",
        "torch==2.5.1+cpu",
        f"numpy==2.0.0 --hash=sha256:{'0a' * 32}",
    ],
)
def test_packages_are_accepted_as_pip_writes_them(read, line):
    assert read(f"# of this model\n\n{line}  # why\n") == [line]


def test_a_line_may_go_on_in_the_next(read):
    assert read("numpy==2.0.0 \\\n    --hash=sha256:" + "0a" * 32) == [
        f"numpy==2.0.0 --hash=sha256:{'0a' * 32}"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "-r other.txt",
        "-i https://example.org",
        "--pre",
        "git+https://example.org/x",
        "x @ https://example.org/x.whl",
        "./x.whl",
        "/etc/passwd",
        "x==1 --config-settings=a=b",
        "x; extra @ file:///x",
        "x; python_version > '3' --global-option=x",
        "${SECRET}",
        "postgresql://operator:secret@db/ledger",
        "a" + " " * 30_000 + "!",
        "a" * 30_000,
    ],
)
def test_anything_else_is_refused_by_its_number_and_without_its_words(read, line):
    with pytest.raises(RequirementsError, match="line 2 is not accepted") as raised:
        read(f"numpy\n{line}\n")
    assert line not in str(raised.value)
    assert raised.value.for_good


def test_a_link_shows_nothing_of_what_it_leads_to(tmp_path):
    (tmp_path / "secret").write_text("password\n")
    (tmp_path / "requirements.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(RequirementsError, match=r"^requirements\.txt: it cannot be read") as raised:
        requirements(tmp_path / "requirements.txt")
    assert "password" not in str(raised.value)


def test_a_pipe_or_a_socket_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "requirements.txt")
    with pytest.raises(RequirementsError, match="it cannot be read"):
        requirements(tmp_path / "requirements.txt")


@pytest.mark.parametrize("text", [b"\xff\xfe", "numpy\n" * FILE_BYTES])
def test_a_file_that_is_no_list_of_packages_is_refused(read, text):
    with pytest.raises(RequirementsError, match=r"^requirements\.txt: it "):
        read(text)
