"""Tables of opened rounds as files: CSV or Parquet, read without guessing.

Add a file format here; avoid what makes a table acceptable (``domain.feature_table``).
"""

from pathlib import Path

import pandas as pd

from coordinator_pipelines.domain.errors import TableError

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
    except ValueError as error:
        raise TableError(f"{path}: the file cannot be read: {error}") from None


def _csv(path: Path) -> pd.DataFrame:
    """All cells as text; a row that has fewer of them than the heading is refused."""
    cells = pd.read_csv(
        path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig", na_filter=False
    )
    short = cells.isna().any(axis=1)
    if short.any():
        row = int(short.to_numpy().argmax())
        raise TableError(f"{path}: row {row} has fewer cells than there are columns")
    frame = cells.iloc[1:].reset_index(drop=True)
    frame.columns = pd.Index(cells.iloc[0].tolist())
    return frame


def _parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)
