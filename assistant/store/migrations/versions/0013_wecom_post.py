"""WeCom: messages that aren't answered yet, messages still to be sent, encrypted ids"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "wecom_inbox",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("door", sa.String(length=10), nullable=False),
        sa.Column("userid", sa.String(length=100), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("held_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "wecom_outbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("repeatable", sa.Boolean(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.Column("sending", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "wecom_ids",
        sa.Column("encrypted", sa.String(length=100), nullable=False),
        sa.Column("userid", sa.String(length=100), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("encrypted"),
    )
    # Of messages that were taken in before, nobody knows what was asked: their senders are asked to ask again.
    op.execute(
        "INSERT INTO wecom_inbox (key, door, userid, asked, at, holder, held_until)"
        " SELECT key, 'app', owed, '{}', 0, '', 0 FROM wecom_callbacks WHERE owed IS NOT NULL"
    )
    op.drop_column("wecom_callbacks", "owed")
    if op.get_bind().dialect.name == "postgresql":
        for table in ("wecom_inbox", "wecom_outbox", "wecom_ids"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.add_column("wecom_callbacks", sa.Column("owed", sa.String(length=100), nullable=True))
    op.drop_table("wecom_ids")
    op.drop_table("wecom_outbox")
    op.drop_table("wecom_inbox")
