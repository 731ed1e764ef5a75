"""Sessions of the pages"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE sessions ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("sessions")
