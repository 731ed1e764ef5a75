"""Questions of deleted threads, which count to the rate limit all the same"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_spent_account_asked_at", "spent", ["account", "asked_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE spent ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("spent")
