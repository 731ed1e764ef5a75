"""Imports that can be undone, stored standings, an index that verdicts read alone, the policies' revision"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KINDS = ("units", "teachers", "credits", "budgets", "accounts")
_PATHS = (("units", "unit", False), ("teachers", "unit", False), ("budgets", "unit", False), ("accounts", "unit", True))
_VERDICT = ["teacher_id", "completed_on", "status", "category", "organiser", "hours"]


def upgrade() -> None:
    for kind in _KINDS:
        op.add_column(kind, sa.Column("import_id", sa.Integer(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        for table, column, nullable in _PATHS:
            op.alter_column(table, column, type_=sa.String(300, collation="C"), existing_nullable=nullable)
    op.drop_index("ix_credits_teacher_id_completed_on", "credits")
    op.create_index("ix_credits_verdict", "credits", _VERDICT)
    op.create_table(
        "revisions",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=True),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("undone_at", sa.Double(), nullable=True),
        sa.Column("undone_by", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "formers",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("row", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_formers_import_id")),
        sa.PrimaryKeyConstraint("import_id", "position"),
    )
    op.create_table(
        "standings",
        sa.Column("teacher_id", sa.String(length=100), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.String(length=64), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("counted", "remaining", "pending", "short_public", "short_subject", "short_elective")
        ),
        sa.ForeignKeyConstraint(["teacher_id"], ["teachers.teacher_id"], name=op.f("fk_standings_teacher_id")),
        sa.PrimaryKeyConstraint("teacher_id", "year"),
    )


def downgrade() -> None:
    op.drop_table("standings")
    op.drop_table("formers")
    op.drop_table("imports")
    op.drop_table("revisions")
    op.drop_index("ix_credits_verdict", "credits")
    op.create_index("ix_credits_teacher_id_completed_on", "credits", ["teacher_id", "completed_on"])
    for kind in _KINDS:
        op.drop_column(kind, "import_id")
