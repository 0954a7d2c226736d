"""Tables of opened rounds as files: CSV or Parquet, read without guessing.

Add a file format here; avoid what makes a table acceptable (``domain.rounds.feature_table``).
"""

import csv
from pathlib import Path

import pandas as pd

from coordinator_pipelines.domain.values.errors import TableError

LARGEST_FILE = 100_000_000


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a file: of a CSV file as they are written, of a Parquet file with their types.

    Raises:
        TableError: the file cannot be read; the text starts with its path.
    """
    readers = {".csv": _csv, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise TableError(f"{path}: a table's name must end in {', '.join(readers)}")
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise TableError(f"{path}: larger than {LARGEST_FILE // 10**6} MB")
        return reader(path)
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file") from None
    except OSError as error:
        raise TableError(f"{path}: the file cannot be read: {error.strerror or error}") from None
    except (ValueError, csv.Error) as error:
        raise TableError(f"{path}: the file cannot be read: {error}") from None


def _csv(path: Path) -> pd.DataFrame:
    """All cells as text; a row with another number of cells than the heading is refused."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [cells for cells in csv.reader(file, strict=True) if cells]
    if not rows:
        raise TableError(f"{path}: the file is empty")
    heading, *body = rows
    for row, cells in enumerate(body, 1):
        if len(cells) != len(heading):
            raise TableError(f"{path}: row {row} has {len(cells)} cells, not {len(heading)}")
    return pd.DataFrame(body, columns=pd.Index(heading, dtype="object"), dtype="object")


def _parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)
