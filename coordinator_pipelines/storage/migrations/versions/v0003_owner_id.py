"""The account of a model's owner, beside the display name. Before, the name was both.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; of the rows that there are, the name is the account."""
    for table in ("models", "model_memberships"):
        op.add_column(table, sa.Column("owner_id", sa.Text))
        op.execute(f"UPDATE {table} SET owner_id = owner")
