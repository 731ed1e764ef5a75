"""Feedback on answers"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("rating", sa.String(length=10), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["turns.id"], name=op.f("fk_feedback_answer_id")),
        sa.PrimaryKeyConstraint("answer_id"),
    )
    op.create_index(op.f("ix_feedback_account"), "feedback", ["account"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE feedback ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("feedback")
