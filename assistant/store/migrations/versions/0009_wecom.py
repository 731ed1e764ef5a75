"""WeCom: access tokens, callbacks that were seen, conversations; members found without reading all accounts"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_accounts_member", "accounts", [sa.text("lower(wecom_userid)")])
    op.create_table(
        "wecom_access",
        sa.Column("app", sa.String(length=64), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("failure", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("failed_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("app"),
    )
    op.create_table(
        "wecom_callbacks",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("owed", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_wecom_callbacks_at"), "wecom_callbacks", ["at"])
    op.create_table(
        "wecom_talks",
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("talk", sa.String(length=200), nullable=False),
        sa.Column("thread_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "talk"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("wecom_access", "wecom_callbacks", "wecom_talks"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("wecom_talks")
    op.drop_table("wecom_callbacks")
    op.drop_table("wecom_access")
    op.drop_index("ix_accounts_member", "accounts")
