"""Reminders: who was reminded when, and who doesn't want to be"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reminders",
        sa.Column("teacher_id", sa.String(length=100), nullable=False),
        sa.Column("off", sa.Boolean(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("sure", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("teacher_id"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE reminders ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("reminders")
