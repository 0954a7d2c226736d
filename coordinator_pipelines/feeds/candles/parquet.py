"""Parquet as a table, with pyarrow where it is installed.

Add here what Parquet needs; avoid what columns mean (``layouts``) and what values are good
(``checks``).
"""

import importlib
import io

import numpy as np

from coordinator_pipelines.domain.values.errors import FeedConfigurationError, FeedDataError
from coordinator_pipelines.feeds.candles.json_rows import cleaned
from coordinator_pipelines.feeds.candles.layouts import text_columns
from coordinator_pipelines.feeds.candles.packed import LARGEST, Content
from coordinator_pipelines.feeds.candles.problems import shown
from coordinator_pipelines.feeds.candles.table import WrittenTable
from coordinator_pipelines.feeds.candles.text import MOST_LINES


def read_parquet(content: Content) -> WrittenTable:
    """The table of a Parquet file.

    Raises:
        FeedConfigurationError: pyarrow is not installed.
        FeedDataError: the file is not sound, too large, or has no rows.
    """
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise FeedConfigurationError(
            f"{content.label} is a Parquet file, and pyarrow is not installed. Install the extra: "
            f"pip install 'coordinator-pipelines[parquet]'."
        ) from error
    try:
        file = parquet.ParquetFile(io.BytesIO(content.data))
        groups = (file.metadata.row_group(place) for place in range(file.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        if size > LARGEST or file.metadata.num_rows > MOST_LINES:
            raise FeedDataError(
                f"{content.label} holds more than {LARGEST // 10**6:,} MB or {MOST_LINES:,} rows. "
                f"Split it by time."
            )
        table = file.read()
    except (pyarrow.ArrowException, OSError) as error:
        raise FeedDataError(
            f"{content.label} is not a sound Parquet file: {shown(error, 200)}. Get it again."
        ) from error
    if not table.num_rows:
        raise FeedDataError(f"{content.label} has no candles. Write at least one to it.")
    rows = table.to_pandas(ignore_metadata=True)
    frame = cleaned(rows, text_columns([str(name) for name in rows.columns]))
    return WrittenTable(frame, True, np.arange(1, table.num_rows + 1), "row")
