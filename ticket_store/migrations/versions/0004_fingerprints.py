"""What a command asked for, beside its id. Of the commands before, nobody can say it any more."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbox", sa.Column("fingerprint", sa.LargeBinary(16)))
