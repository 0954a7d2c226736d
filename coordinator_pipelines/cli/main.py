"""The ``coordinator`` command: its verbs, and what becomes of an error.

Add a verb in a module of its own and name it here; avoid doing anything here. A verb is imported
when it is called: Dagster and the Report API take seconds that ``status`` need not wait for.
"""

import builtins
import gc
import sys
from importlib import import_module

import click

from coordinator_pipelines.cli.failure import told
from coordinator_pipelines.stack import interruption

INTERRUPTED = 130
"""Exit status of what a user stopped by Ctrl-C."""
VERBS = {
    "alert": ("alert", "What is wrong with a live challenge, and who was told of it."),
    "audit": (
        "audit",
        "Recompute what is stored of a range, and tell what differs; nothing is changed.",
    ),
    "backfill": (
        "backfill",
        "Compute past windows in runs side by side, and their boards once all are scored.",
    ),
    "boards": (
        "boards",
        "List boards that a repair of earlier windows has outdated; change nothing by itself.",
    ),
    "checkpoint": (
        "checkpoint",
        "Payouts of checkpoint periods: look, approve, submit, tell that they are paid.",
    ),
    "compare": (
        "compare",
        "Compare the models FIRST and SECOND on the rounds that both were scored in.",
    ),
    "db": ("db", "The database of a challenge."),
    "demo": ("demo", "Backfill the starter challenge through Dagster and print its leaderboard."),
    "deploy": ("deploy", "Run a challenge live in the background; returns when it is ready."),
    "dev": ("dev", "Run a challenge live: its models, Dagster with UI, and everything captured."),
    "doctor": (
        "doctor",
        "Check a spec for `init`; or, without --spec, the generated challenge of this directory.",
    ),
    "down": ("down", "Stop the challenge that was deployed from here, with all its processes."),
    "explain": (
        "explain",
        "Explain MODEL in the ROUND asked at an instant, such as 2026-11-24T12:00Z.",
    ),
    "evidence": ("evidence", "The log of what was committed to: its key and its newest head."),
    "export": (
        "export",
        "Write the closed windows of a challenge to DIRECTORY, as Parquet files by mode and day.",
    ),
    "init": (
        "init",
        "Write a new challenge: a public package, a private node, and its code location.",
    ),
    "leaderboard": (
        "leaderboard",
        "Print the newest leaderboard, or that of an instant or a season.",
    ),
    "logs": (
        "logs",
        "Show the logs of the challenge that was deployed from here; all, or those of NAMES.",
    ),
    "models": ("models", "Participants' models on this machine."),
    "pause": ("pause", "Ask no more rounds of a prediction config, from its next instant on."),
    "prices": ("prices", "Files of candles."),
    "query": (
        "export",
        "Answer a QUESTION in SQL from the files that `export` wrote to DIRECTORY.",
    ),
    "report": ("report", "Serve the Report API and the public leaderboard until stopped."),
    "report-keys": (
        "report",
        "Keys of the Report API: kept as hashes, in force at once, replaced one by one.",
    ),
    "resume": (
        "pause",
        "Ask rounds of a paused prediction config again, from its next instant on.",
    ),
    "revision": ("revision", "Final boards that came out otherwise later: who moved, and why."),
    "round": ("round", "Rounds: void them, or open and resolve those of a tournament."),
    "runs": ("runs", "The runs that Dagster remembers."),
    "season": ("season", "Seasons of a challenge: open, frozen, final."),
    "spec": ("spec", "Specs of challenges, compared."),
    "status": (
        "status",
        "Tell whether a challenge is live and well; exit status 3 if a vital sign is red.",
    ),
    "upgrade": (
        "upgrade",
        "Bring the node in this directory to the templates of the installed version.",
    ),
    "verify": (
        "verify",
        "Verify what a node has committed to, over its Report API.",
    ),
    "verify-e2e": (
        "verify_e2e",
        "Wait until all active models have scored predictions and are on the live leaderboard.",
    ),
    "worker": (
        "worker",
        "Take runs from the broker that COORDINATOR_CELERY_BROKER names, until stopped.",
    ),
}
"""Verb -> the module with a command of that name, and the command's own first sentence."""


class Verbs(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs."""
        del ctx
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb; None if there is no such verb."""
        del ctx
        if cmd_name not in VERBS:
            return None
        module = import_module(f"coordinator_pipelines.cli.{VERBS[cmd_name][0]}")
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(module, f"{name}_" if hasattr(builtins, name) else name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """All verbs with what each does, none of them imported."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(verb, summary) for verb, (_, summary) in sorted(VERBS.items())])


@click.group(cls=Verbs)
@click.version_option(package_name="coordinator-pipelines")
def coordinator() -> None:
    """Live prediction challenges as partitioned Dagster assets."""


def main() -> None:
    """Run the command; whatever goes wrong ends in one message, and none of it in a traceback."""
    interruption.heed()
    try:
        status = coordinator(standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 (nobody else is left to take it)
        click.secho(f"Error: {told(error)}", fg="red", err=True)
        sys.exit(1)
    finally:
        gc.freeze()  # else all that is left is looked through at the end, for most of a second
    sys.exit(status if isinstance(status, int) else 0)
