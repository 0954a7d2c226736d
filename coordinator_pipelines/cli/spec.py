"""``coordinator spec``: what a change of a challenge's spec would touch.

Add here how differences are told; avoid finding them (``domain.revision.spec_change``).
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from coordinator_pipelines.domain.revision.spec_change import (
    HARMLESS,
    MEANING,
    Change,
    Touch,
    all_touched,
    spec_changes,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import SpecError
from coordinator_pipelines.spec_file import located, read_spec

TOUCHED, REFUSED = 3, 4
"""Exit statuses; 1 is for errors and 2 for wrong options."""
LONGEST = 60

spec_file = click.Path(path_type=Path)


@click.group()
def spec() -> None:
    """Specs of challenges, compared."""


@spec.command("diff")
@click.argument("old", type=spec_file)
@click.argument("new", type=spec_file)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Tell what the spec NEW would touch where OLD was used, field by field.

    Exit status 0: nothing that is stored or computed; 3: rounds, scores, boards or payouts; 4: the
    database would refuse it. An author's code is not compared.
    """
    changes = spec_changes(_read(old), _read(new))
    touched = all_touched(changes)
    if as_json:
        click.echo(_document(changes, touched))
    else:
        _show(changes, touched)
    if Touch.REFUSED in touched:
        sys.exit(REFUSED)
    if set(touched) - set(HARMLESS):
        sys.exit(TOUCHED)


def _read(path: Path) -> Challenge:
    """The challenge as its file says it: paths in it are not taken from where it lies."""
    raw = read_spec(path)
    try:
        return checked_challenge(raw)
    except SpecError as error:
        raise located(path, error) from None


def _show(changes: Sequence[Change], touched: Sequence[Touch]) -> None:
    if not changes:
        click.echo("Both specs mean the same")
        return
    for change in changes:
        told = ", ".join(touch.value for touch in change.touches)
        click.echo(f"{change.field}: {_short(change.before)} -> {_short(change.after)}  [{told}]")
    click.echo()
    for touch in touched:
        click.echo(f"{touch.value}: {MEANING[touch]}")


def _short(value: Any) -> str:
    text = "not there" if value is None else json.dumps(value, ensure_ascii=True)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _document(changes: Sequence[Change], touched: Sequence[Touch]) -> str:
    told = {
        "touches": [touch.value for touch in touched],
        "changes": [
            {
                "field": change.field,
                "before": change.before,
                "after": change.after,
                "touches": [touch.value for touch in change.touches],
            }
            for change in changes
        ],
    }
    return json.dumps(told, indent=2, allow_nan=False)
