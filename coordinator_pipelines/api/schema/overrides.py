"""A node's own changes to the schema: two JSON files, merged entry by entry, local wins.

Add a file here when another part of the schema may be changed; avoid the shape of a schema
(``report``). Columns are matched by ``property``, charts by ``id``, else by
``endpointUrl``. An entry may name only what it changes; one that matches nothing is added.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from coordinator_pipelines.api.schema.report import (
    LeaderboardColumn,
    MetricsWidget,
    ReportSchema,
    SchemaPart,
    explained,
)
from coordinator_pipelines.domain.values.errors import SpecError

logger = logging.getLogger(__name__)

COLUMNS_FILE, WIDGETS_FILE = "leaderboard-columns.json", "metrics-widgets.json"

Entry = dict[str, Any]


def overridden(schema: ReportSchema, directory: Path) -> ReportSchema:
    """The schema with the changes that the files of a directory make. Neither must be there.

    A key that no front end reads is left out with a warning.

    Raises:
        SpecError: a file cannot be read, or what comes out cannot be shown; the message names
            the file and the field.
    """
    told = schema.model_dump(mode="json", exclude_unset=True)
    columns = _entries(directory / COLUMNS_FILE, LeaderboardColumn)
    widgets = _entries(directory / WIDGETS_FILE, MetricsWidget)
    if not columns and not widgets:
        return schema
    merged = {
        "schema_version": schema.schema_version,
        "leaderboard_columns": _merged(told["leaderboard_columns"], columns, ("property",)),
        "metrics_widgets": _merged(told["metrics_widgets"], widgets, ("id", "endpointUrl")),
    }
    try:
        return ReportSchema.model_validate(merged)
    except ValidationError as error:
        files = f"{COLUMNS_FILE} and {WIDGETS_FILE} in {directory}"
        raise SpecError(f"{files} make {explained(error)}") from None


def _entries(path: Path, part: type[SchemaPart]) -> list[Entry]:
    try:
        entries = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} cannot be read: {error}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SpecError(f"{path} must be a JSON array of objects")
    return [_known(path, position, entry, part) for position, entry in enumerate(entries)]


def _known(path: Path, position: int, entry: Entry, part: type[SchemaPart]) -> Entry:
    unknown = sorted(set(entry) - set(part.model_fields))
    if unknown:
        logger.warning("%s[%d]: unknown keys are left out: %s", path, position, ", ".join(unknown))
    return {name: value for name, value in entry.items() if name in part.model_fields}


def _merged(told: list[Entry], local: Sequence[Entry], keys: Sequence[str]) -> list[Entry]:
    entries = [dict(entry) for entry in told]
    for change in local:
        found = next(
            (entry for key in keys for entry in entries if _same(entry, change, key)), None
        )
        if found is None:
            entries.append(dict(change))
        else:
            found.update(change)
    return entries


def _same(entry: Entry, change: Entry, key: str) -> bool:
    return key in change and entry.get(key) == change[key]
