"""The database of a challenge, as commands find it.

Add here what every command needs before it uses one; avoid what ``coordinator db`` does.
"""

from coordinator_pipelines import settings
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger


def set_up_database(challenge: Challenge) -> str:
    """The URL of the challenge's database, which has its schema and belongs to no other one."""
    url = settings.database_url(challenge.name)
    schema.upgrade(url)
    ledger = SqlLedger(url, statistics_bucket=challenge.statistics_bucket)
    try:
        ledger.identify(challenge.identity)
    finally:
        ledger.close()
    return url
