"""The commands of README and guides are ones that there are, as they are written there."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from coordinator_pipelines.cli.main import coordinator

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(coordinator [^`]+|make [a-z][^`]*)`")


def typed(page: Path) -> Iterator[str]:
    """What a page has its reader type, a command each."""
    text = page.read_text()
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                yield line.removeprefix("$ ").partition(" #")[0].strip()
    for command in INLINE.findall(text):
        if "..." not in command:
            yield " ".join(command.split())


def commands(program: str) -> list[str]:
    """Every command line of a program that is written anywhere."""
    found = {line for page in PAGES for line in typed(page)}
    return sorted(line for line in found if program in line.split()[:2])


@pytest.mark.parametrize("line", commands("coordinator"))
def test_a_command_of_the_guides_is_understood(line: str) -> None:
    """Its verb and options exist; whether its files do is not asked."""
    words = shlex.split(line)
    command: click.Command = coordinator
    context = click.Context(coordinator, info_name="coordinator")
    rest = [word for word in words[words.index("coordinator") + 1 :] if word != "--version"]
    while isinstance(command, click.Group) and rest:
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, name
        command, context = found, click.Context(found, parent=context, info_name=name)
    if not isinstance(command, click.Group) and rest:
        command.make_parser(context).parse_args(rest)


@pytest.mark.parametrize("line", commands("make"))
def test_a_target_of_the_guides_is_in_a_makefile(line: str) -> None:
    words = shlex.split(line)
    wanted = {word for word in words[words.index("make") + 1 :] if "=" not in word}
    node = ROOT / "coordinator_pipelines/scaffold/templates/__node__/Makefile.j2"
    known = {
        target
        for file in (ROOT / "Makefile", node)
        for target in re.findall(r"^([a-z0-9-]+):", file.read_text(), re.MULTILINE)
    }
    assert wanted <= known


def test_no_guide_names_the_command_by_where_it_happens_to_be() -> None:
    pages = [page for page in PAGES if page.name != "setting-up.md"]
    assert [page.name for page in pages if ".venv/bin/coordinator" in page.read_text()] == []


@pytest.mark.slow
def test_setting_up_from_the_package_leaves_the_command_on_the_path(
    installed: Path, tmp_path: Path
) -> None:
    """``installed`` is what the page has its reader make; the rest is run as it is written."""
    (tmp_path / ".venv").symlink_to(installed.parent.parent)
    script = ". .venv/bin/activate && coordinator --version && coordinator init shop && cd shop"
    script += "/crunch-node-shop && make doctor"
    done = subprocess.run(
        [shutil.which("sh") or "sh", "-c", script], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("doctor passed\n")
