"""Questions in SQL to the files of an archive, answered by DuckDB in this process.

Add here what a question sees; avoid writing files (``windows``). A question reads the archive and
nothing else of this machine. Needs the optional extra ``export``.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from coordinator_pipelines.archive.windows import TABLES
from coordinator_pipelines.domain.values.errors import CoordinatorError


def ask(directory: Path, question: str) -> pd.DataFrame:
    """What DuckDB answers; every table of the archive is a view of its name.

    Raises:
        CoordinatorError: there is no archive, or the question cannot be answered.
        ModuleNotFoundError: DuckDB is not installed.
    """
    root = directory.resolve()
    there = [table for table in TABLES if any((root / table).glob("mode=*/day=*/*.parquet"))]
    if not there:
        raise CoordinatorError(
            f"{directory} holds no exported windows; `coordinator export {directory}` writes them"
        )
    duckdb: Any = import_module("duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"SET allowed_directories = [{_quoted(root)}]")
        for table in there:
            files = _quoted(root / table / "mode=*" / "day=*" / "*.parquet")
            read = f"read_parquet({files}, hive_partitioning = true)"
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {read}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            answer: pd.DataFrame = connection.execute(question).df()
        except duckdb.Error as error:
            raise CoordinatorError(f"DuckDB: {error}") from None
    return answer


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
