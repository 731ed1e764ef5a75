"""Originals beside digests"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "originals",
        sa.Column("policy_id", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("policy_id"),
    )
    op.add_column("clauses", sa.Column("kind", sa.String(length=10), server_default="digest", nullable=False))
    # A policy without rules was kept as JSON's null, which is not the database's.
    op.execute("UPDATE policies SET rules = NULL WHERE CAST(rules AS TEXT) = 'null'")


def downgrade() -> None:
    op.drop_column("clauses", "kind")
    op.drop_table("originals")
