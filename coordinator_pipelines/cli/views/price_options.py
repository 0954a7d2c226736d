"""The options of every command that reads a file of candles.

Add here what says how a file is to be read; avoid what is made of it.
"""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from coordinator_pipelines.domain.spec.feed import FILE_FORMATS


def _zone(context: click.Context, option: click.Parameter, name: str | None) -> ZoneInfo | None:
    del context, option
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        wanted = f"{name!r} is no time zone such as UTC or America/New_York"
        raise click.BadParameter(wanted) from None


format_option = click.option(
    "--format",
    "layout",
    type=click.Choice(FILE_FORMATS),
    help="Refuse a file in another layout; default: the one that it is recognised by.",
)
time_zone_option = click.option(
    "--time-zone",
    metavar="ZONE",
    callback=_zone,
    help="Zone of times that say none, such as UTC or America/New_York.",
)
