"""First tables: people, records, policies, questions"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policies",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("meta", sa.JSON(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("indexed_with", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "threads",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_threads_account"), "threads", ["account"], unique=False)
    op.create_table(
        "units",
        sa.Column("unit", sa.String(length=300), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("unit"),
    )
    op.create_table(
        "budgets",
        sa.Column("unit", sa.String(length=300), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("public_funds", sa.BigInteger(), nullable=True),
        sa.Column("training_spend", sa.BigInteger(), nullable=True),
        sa.Column("payroll", sa.BigInteger(), nullable=True),
        sa.Column("training_appropriation", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["unit"], ["units.unit"], name=op.f("fk_budgets_unit")),
        sa.PrimaryKeyConstraint("unit", "year"),
    )
    op.create_table(
        "clauses",
        sa.Column("policy_id", sa.String(length=100), nullable=False),
        sa.Column("locator", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"], name=op.f("fk_clauses_policy_id")),
        sa.PrimaryKeyConstraint("policy_id", "locator"),
    )
    op.create_table(
        "teachers",
        sa.Column("teacher_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("unit", sa.String(length=300), nullable=False),
        sa.Column("stage", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("employed_from", sa.Date(), nullable=False),
        sa.Column("employed_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["unit"], ["units.unit"], name=op.f("fk_teachers_unit")),
        sa.PrimaryKeyConstraint("teacher_id"),
    )
    op.create_index(op.f("ix_teachers_name"), "teachers", ["name"], unique=False)
    op.create_index(op.f("ix_teachers_unit"), "teachers", ["unit"], unique=False)
    op.create_table(
        "turns",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("thread_id", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_turns_thread_id")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_turns_account_asked_at"), "turns", ["account", "asked_at"], unique=False)
    op.create_index(op.f("ix_turns_thread_id"), "turns", ["thread_id"], unique=False)
    op.create_table(
        "accounts",
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("teacher_id", sa.String(length=100), nullable=True),
        sa.Column("unit", sa.String(length=300), nullable=True),
        sa.Column("wecom_userid", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["teacher_id"], ["teachers.teacher_id"], name=op.f("fk_accounts_teacher_id")),
        sa.ForeignKeyConstraint(["unit"], ["units.unit"], name=op.f("fk_accounts_unit")),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "credits",
        sa.Column("record_id", sa.String(length=100), nullable=False),
        sa.Column("teacher_id", sa.String(length=100), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("organiser", sa.String(length=20), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("completed_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["teacher_id"], ["teachers.teacher_id"], name=op.f("fk_credits_teacher_id")),
        sa.PrimaryKeyConstraint("record_id"),
    )
    op.create_index(op.f("ix_credits_teacher_id_completed_on"), "credits", ["teacher_id", "completed_on"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_credits_teacher_id_completed_on"), table_name="credits")
    op.drop_table("credits")
    op.drop_table("accounts")
    op.drop_index(op.f("ix_turns_thread_id"), table_name="turns")
    op.drop_index(op.f("ix_turns_account_asked_at"), table_name="turns")
    op.drop_table("turns")
    op.drop_index(op.f("ix_teachers_unit"), table_name="teachers")
    op.drop_index(op.f("ix_teachers_name"), table_name="teachers")
    op.drop_table("teachers")
    op.drop_table("clauses")
    op.drop_table("budgets")
    op.drop_table("units")
    op.drop_index(op.f("ix_threads_account"), table_name="threads")
    op.drop_table("threads")
    op.drop_table("policies")
