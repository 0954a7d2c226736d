"""``coordinator doctor``: whether a spec can become a challenge, and a challenge can run.

Add here how findings are shown; avoid finding anything (``scaffold``).
"""

import sys
from pathlib import Path

import click

from coordinator_pipelines.cli.challenge.location import load_challenge_with_code
from coordinator_pipelines.cli.init import planned, preset_option, spec_option
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.scaffold.checkup import Finding, examine, node_of
from coordinator_pipelines.stack.ports import MODELS_PORT, REPORT_PORT, UI_PORT, is_served

PORTS = {"Dagster UI": UI_PORT, "Report API": REPORT_PORT, "models": MODELS_PORT}


@click.command()
@click.argument("slug", required=False)
@spec_option
@preset_option
def doctor(slug: str | None, spec: Path | None, preset: str | None) -> None:
    """Check a spec for `init`; or, without --spec, the generated challenge of this directory."""
    try:
        if spec is not None:
            _check_spec(slug, spec, preset)
        else:
            _check_node(slug, preset)
    except CoordinatorError as error:
        raise CoordinatorError(f"doctor failed: {error}") from None


def _check_spec(slug: str | None, spec: Path, preset: str | None) -> None:
    challenge = (plan := planned(slug, spec, preset)).challenge
    click.echo("doctor passed: spec is valid")
    for name, value in (
        ("name", challenge.name),
        ("crunch_id", challenge.crunch_id),
        ("model_base_classname", challenge.model_base_classname),
        ("preset", plan.spec["preset"]),
        ("callables", sum(path is not None for _, path in challenge.callables)),
        ("scheduled_prediction_configs", len(challenge.scheduled_prediction_configs)),
    ):
        click.echo(f"- {name}: {value}")
    for notice in challenge.notices():
        click.echo(f"- {notice}")


def _check_node(slug: str | None, preset: str | None) -> None:
    if preset is not None:
        raise click.UsageError("--preset is about a spec; give --spec too")
    spec = node_of(Path() if slug is None else Path(slug))
    if spec is None:
        raise CoordinatorError(
            "there is no generated challenge here: run it in a node, or check a spec with "
            "--spec path/to/spec.yaml"
        )
    challenge = load_challenge_with_code(spec)
    findings = [Finding("spec", f"{spec}, {challenge.name}"), *examine(challenge), *_ports()]
    for found in findings:
        mark = click.style("wrong", fg="red") if found.wrong else "ok   "
        click.echo(f"{mark} {found.subject}: {found.text}")
    for notice in challenge.notices():
        click.echo(f"      {notice}")
    if any(found.wrong for found in findings):
        click.secho("Error: doctor failed: see what is wrong above", fg="red", err=True)
        sys.exit(1)
    click.echo("doctor passed")


def _ports() -> list[Finding]:
    """Who has a port is no mistake: another challenge may be running, or this one."""
    taken = [f"{port} ({what})" for what, port in PORTS.items() if is_served(port)]
    text = f"in use: {', '.join(taken)}; `coordinator dev --port` names another for the UI"
    return [Finding("ports", text if taken else "free: " + ", ".join(map(str, PORTS.values())))]
