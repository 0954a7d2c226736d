"""The commands of README and guides are ones that there are, as they are written there."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import click
import pytest

from coordinator_pipelines.cli.main import coordinator
from tests.support.challenges import FIRST_BAR
from tests.support.prices import closes_from, walk, write_candles

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(coordinator [^`]+|make [a-z][^`]*)`")


def blocks(page: Path) -> list[list[str]]:
    """What a page has its reader type, a list of commands for each block."""
    return [
        [
            line.removeprefix("$ ").partition(" #")[0].strip()
            for line in block.replace("\\\n", " ").splitlines()
            if line.startswith("$ ")
        ]
        for block in BLOCK.findall(page.read_text())
    ]


def typed(page: Path) -> Iterator[str]:
    """The same in one list, and what is named on the way."""
    for commands_ in blocks(page):
        yield from commands_
    for command in INLINE.findall(page.read_text()):
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


ELSEWHERE = re.compile(
    r"(\w+=\S+ )?(make|pip|python3|psql|dg|curl|openssl|docker|kubectl|\.) "
    r"|coordinator (dev|deploy|report|models up|worker|backfill|verify|checkpoint) "
    r"|coordinator (evidence head|evidence cosign|alert test|alert ack) "
    r"|coordinator (season (freeze|reopen|finalize)|leaderboard --season) "
)
"""Commands that serve until they are ended, that install, or that need a clone, PostgreSQL, a
cluster, somebody who receives, a node that runs, seasons or weeks of a live challenge."""
FILE = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Session:
    """Pages that a reader goes through in one directory, one after the other."""

    pages: tuple[str, ...]
    before: tuple[str, ...] = ()
    """Commands that the pages take for done."""
    directory: str = "."
    """Where their commands are typed."""


SESSIONS = (
    Session(("docs/build-your-own-challenge.md",)),
    Session(("docs/pipeline.md", "docs/operating.md"), ("coordinator db upgrade",)),
    Session(("README.md", "docs/feeds.md")),
    Session(("docs/evidence.md",)),
    Session(("docs/audit.md", "docs/export.md")),
    Session(("docs/kubernetes.md",), (f"ln -s {ROOT / 'deploy'} deploy",)),
    Session(("docs/scaffold.md",), ("coordinator init eth-trader",)),
    Session(
        ("docs/concepts/tournament.md",),
        (
            "coordinator init shop --preset tournament",
            "cp features.csv shop/crunch-node-shop",
            "(cd shop/crunch-node-shop && coordinator db upgrade --spec spec.yaml)",
        ),
        "shop/crunch-node-shop",
    ),
)


def runnable(page: Path) -> list[list[str]]:
    """The blocks of a page without what does not run here, as far as something is left."""
    own = [block for block in blocks(page) if "postgresql://" not in " ".join(block)]
    left = [[line for line in block if not ELSEWHERE.match(f"{line} ")] for block in own]
    return [block for block in left if any(not line.startswith("export ") for line in block)]


def test_every_command_that_runs_without_a_server_is_in_a_session() -> None:
    known = {ROOT / page for session in SESSIONS for page in session.pages}
    left = [page.name for page in PAGES if runnable(page) and page not in known]
    assert left == ["setting-up.md"]  # above


@pytest.fixture
def desk(installed: Path, tmp_path: Path) -> Path:
    """A directory with an environment and the files that guides speak of."""
    (tmp_path / ".venv").symlink_to(installed.parent.parent)
    (tmp_path / "features.csv").write_text("id,size,age\na,1,2\nb,2,3\nc,3,5\n")
    closes = closes_from(FIRST_BAR, walk(300))
    write_candles(tmp_path / "btc.csv", closes)
    rows = [
        f"{(end - 60) * 10**6},{close},{close},{close},{close},1,{end * 10**6 - 1},1,1,1,1,0\n"
        for end, close in closes.items()
    ]
    with ZipFile(tmp_path / "BTCUSDT-1m-2025-03.zip", "w") as packed:
        packed.writestr("BTCUSDT-1m-2025-03.csv", "".join(rows))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.pages[0])
def test_the_commands_of_a_guide_run_as_they_are_written(session: Session, desk: Path) -> None:
    """Each block begins where the page's files are; the first command that fails ends all."""
    pages = [ROOT / page for page in session.pages]
    for name, text in (found for page in pages for found in FILE.findall(page.read_text())):
        (desk / name).parent.mkdir(parents=True, exist_ok=True)
        (desk / name).write_text(text)
    there = f"cd {desk / session.directory}"
    parts = ["\n".join([there, *block]) for page in pages for block in runnable(page)]
    script = [". .venv/bin/activate", *session.before, *(f"({part})" for part in parts)]
    done = subprocess.run(
        [shutil.which("sh") or "sh", "-exc", "\n".join(script)], cwd=desk,
        env={"PATH": "/usr/bin:/bin", "HOME": str(desk), "PYTHONPATH": str(desk),
             "COORDINATOR_TRUST_MODELS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
