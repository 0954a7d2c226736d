"""``coordinator doctor``: whether a spec can become a challenge, and a challenge can run.

Add here how findings are shown; avoid finding anything (``scaffold``).
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge.location import load_challenge_with_code
from coordinator_pipelines.cli.dev import port_options
from coordinator_pipelines.cli.init import planned, preset_option, spec_option
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.scaffold.checkup import Finding, examine, node_of
from coordinator_pipelines.scaffold.honesty import examine_incentives
from coordinator_pipelines.stack.ports import is_served, neighbour
from coordinator_pipelines.stack.stack import Ports

COLOURS = {"wrong": "red", "doubt": "yellow"}


@click.command()
@click.argument("slug", required=False)
@spec_option
@preset_option
@port_options
def doctor(
    slug: str | None,
    spec: Path | None,
    preset: str | None,
    port: int,
    report_port: int,
    models_port: int,
) -> None:
    """Check a spec for `init`; or, without --spec, the generated challenge of this directory."""
    try:
        if spec is not None:
            _check_spec(slug, spec, preset)
        else:
            _check_node(slug, preset, Ports(port, report_port, models_port))
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
    if plan.foreign_package:
        click.echo(f"- models require the package {plan.foreign_package}, for their base class")
    for notice in challenge.notices():
        click.echo(f"- {notice}")


def _check_node(slug: str | None, preset: str | None, ports: Ports) -> None:
    if preset is not None:
        raise click.UsageError("--preset is about a spec; give --spec too")
    spec = node_of(Path() if slug is None else Path(slug))
    if spec is None:
        raise CoordinatorError(
            "there is no generated challenge here: run it in a node, or check a spec with "
            "--spec path/to/spec.yaml"
        )
    challenge = load_challenge_with_code(spec)
    wrong = False
    for found in _findings(challenge, spec, ports):
        mark = "wrong" if found.wrong else "doubt" if found.doubtful else "ok   "
        click.echo(f"{click.style(mark, fg=COLOURS.get(mark))} {found.subject}: {found.text}")
        for line in found.lines:
            click.echo(f"      {line}")
        wrong |= found.wrong
    for notice in challenge.notices():
        click.echo(f"      {notice}")
    if wrong:
        click.secho("Error: doctor failed: see what is wrong above", fg="red", err=True)
        sys.exit(1)
    click.echo("doctor passed")


def _findings(challenge: Challenge, spec: Path, ports: Ports) -> Iterator[Finding]:
    """One finding after the other, the one that takes longest last."""
    yield Finding("spec", f"{spec}, {challenge.name}")
    sound = True
    for found in (*examine(challenge), _ports(ports, challenge.name)):
        sound = sound and not found.wrong
        yield found
    if not sound:
        yield Finding("incentives", "not simulated: see what is wrong above", doubtful=True)
        return
    if sys.stderr.isatty():
        click.echo("simulating what honest and other answers would earn ...", err=True)
    yield examine_incentives(challenge)


def _ports(ports: Ports, slug: str) -> Finding:
    """Who has a port is no mistake: another challenge may be running, or this one."""
    wanted = {
        ports.ui: "Dagster UI, --port",
        ports.report: "Report API, --report-port",
        ports.models: "models are announced, --models-port",
        neighbour(ports.models): "list of models, beside that one",
    }
    try:
        node = settings.model_node(slug)
    except CoordinatorError as error:
        return Finding("ports", str(error), wrong=True)
    wanted.setdefault(node.port, f"where runs look for models on {node.host}")
    taken = [f"{port} ({what})" for port, what in wanted.items() if is_served(port)]
    if taken:
        return Finding("ports", f"in use: {'; '.join(taken)}")
    return Finding("ports", f"free: {', '.join(map(str, wanted))}")
