"""The documentation: a site that builds without a warning, and pages that are true."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.storage.tables import metadata
from tests.support.pipeline import FixedClock, Pipeline

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDE = DOCS / "build-your-own-challenge.md"
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a browser fetches by itself, from anywhere but this site.
FROM_ELSEWHERE = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=.?(?:https?:)?//[^>]+>")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    directory = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return directory


def test_the_schema_page_tells_every_column_of_every_table(site):
    page = (site / "database-schema" / "index.html").read_text()
    for table in metadata.tables.values():
        section = page.partition(f'<h3 id="{table.name}">')[2].partition("<h3")[0]
        assert all(f"<code>{column.name}</code>" in section for column in table.columns)
    assert page.count("<rect") == 11


def test_the_api_pages_tell_every_route(site):
    routes = json.loads((site / "openapi.json").read_text())["paths"]
    page = (site / "report-api-reference" / "index.html").read_text()
    for path, methods in routes.items():
        assert f"<code>{path}</code>" in page
        names = [one["name"] for one in methods["get"].get("parameters", [])]
        assert all(f"<code>{name}</code>" in page for name in names)
    by_hand = (DOCS / "report-api.md").read_text()
    assert all(f"`{path}`" in by_hand for path in routes if path != "/reports/models/params")


def test_the_site_loads_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    assert [hit for page in pages for hit in FROM_ELSEWHERE.findall(page.read_text())] == []
    assert not (site / "_hooks").exists()


def test_the_site_is_found_from_the_readme_and_its_links_lead_somewhere():
    links = LINK.findall((ROOT / "README.md").read_text())
    local = [link.partition("#")[0] for link in links if "://" not in link]
    assert "docs/index.md" in local
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_every_json_column_has_an_owner_of_its_schema():
    owned = re.findall(r"^\| `(\w+\.\w+_json)` \|", (DOCS / "onboarding.md").read_text(), re.M)
    assert sorted(owned) == sorted(
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_json")
    )


def test_the_challenge_of_the_guide_runs_and_ranks_its_models(tmp_path, monkeypatch):
    for name, text in FILE.findall(GUIDE.read_text()):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # In place of installing it: a model finds what is installed, and what is beside it.
    monkeypatch.syspath_prepend(str(tmp_path))
    for model in (tmp_path / "models").iterdir():
        shutil.copy(tmp_path / "eth_challenge.py", model)
    challenge = load_challenge(tmp_path / "spec.yaml")
    later = FixedClock(datetime(2026, 12, 1, tzinfo=UTC))
    pipeline = Pipeline(challenge, tmp_path / "home", monkeypatch, later)
    pipeline.succeed(datetime(2026, 11, 1, tzinfo=UTC), 2)
    entries = json.loads(pipeline.rows("leaderboards")["entries_json"].iloc[-1])
    assert {entry["model_id"]: entry["rank"] for entry in entries} == {"even": 1, "trend": 2}
    assert entries[0]["score"]["metrics"]["anchor"] == pytest.approx(0.75)
