"""Monthly partitions on PostgreSQL; on SQLite, whose word index has months already, nothing.

The revision is only the mark. Tables are partitioned in several short transactions, so that hubs
go on meanwhile, and this one is shared with the other revisions: `ticket_store/partitioning.py`,
which `migrate` calls after it, does the work and goes on where it was if it was killed. Programs
work with both shapes.
"""

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing within the transaction of the revisions."""
