"""Runs and their events; outcome and basis of every answer"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TURNS = sa.table("turns", sa.column("answer", sa.JSON()), sa.column("outcome", sa.String()))


def upgrade() -> None:
    op.add_column("turns", sa.Column("outcome", sa.String(length=20), nullable=True))
    op.add_column("turns", sa.Column("basis", sa.JSON(), nullable=True))
    op.execute(_TURNS.update().values(outcome=_TURNS.c.answer["outcome"].as_string()))
    op.create_index(op.f("ix_turns_outcome_asked_at"), "turns", ["outcome", "asked_at"])
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=True),
        sa.Column("beat_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("stopping", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["turns.id"], name=op.f("fk_runs_answer_id")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_runs_answer_id"), "runs", ["answer_id"])
    op.create_index(op.f("ix_runs_account_key"), "runs", ["account", "key"], unique=True)
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_events_run_id")),
        sa.PrimaryKeyConstraint("run_id", "number"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("runs", "run_events"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("run_events")
    op.drop_table("runs")
    op.drop_index("ix_turns_outcome_asked_at", "turns")
    op.drop_column("turns", "basis")
    op.drop_column("turns", "outcome")
