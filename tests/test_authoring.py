"""What authors import: a list that stays, documented, and all that their code here imports."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator_pipelines import authoring

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "coordinator_pipelines"
GUIDE = ROOT / "docs" / "build-your-own-challenge.md"
NAMES = {
    "Entity",
    "FeedContext",
    "batch_scorer",
    "brier_probability_up",
    "build_definitions",
    "crps_normal_mixture",
    "crps_quantiles",
    "crps_samples",
    "energy_score",
    "load_challenge",
    "log_density",
    "log_loss",
    "log_probability",
    "mean_squared_error",
    "normal_mixture",
    "pinball",
    "position_return",
    "probability_up",
    "score_log_loss",
    "score_spearman",
    "score_squared_error",
    "spearman",
    "threshold_weighted",
    "weighted_interval_score",
}
WRITTEN_BY_AUTHORS = sorted(
    [
        *PACKAGE.glob("starter/**/*.py"),
        *PACKAGE.glob("scaffold/templates/**/*.py.j2"),
        *PACKAGE.glob("scaffold/questions/**/*.py.j2"),
        *PACKAGE.glob("cli/challenge/templates/*.py.txt"),
    ]
)
OURS = re.compile(r"^\s*(?:from|import) (coordinator_pipelines[\w.]*)", re.MULTILINE)


def test_the_names_that_authors_import_stay():
    assert set(authoring.__all__) == NAMES
    assert all(callable(getattr(authoring, name)) for name in NAMES)


def test_each_name_is_documented_once():
    section = GUIDE.read_text().partition("## What your code may import")[2]
    rows = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(NAMES)


@pytest.mark.parametrize(
    "path", WRITTEN_BY_AUTHORS, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_code_as_authors_write_it_imports_nothing_else_of_this_project(path):
    allowed = ("coordinator_pipelines.authoring", "coordinator_pipelines.starter")
    assert all(module.startswith(allowed) for module in OURS.findall(path.read_text()))


def test_code_in_the_documentation_imports_nothing_else_to_make_a_challenge():
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    modules = {
        node.module
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    ours = {module for module in modules if module.startswith("coordinator_pipelines")}
    assert ours == {"coordinator_pipelines.authoring"}


def test_a_scoring_function_does_not_wait_for_dagster():
    code = "import sys, coordinator_pipelines.authoring; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="no attribute 'scorer'"):
        authoring.scorer  # noqa: B018
