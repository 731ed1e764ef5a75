"""Records' kinds as numbers on PostgreSQL; coverage in stored standings; an index of who belongs to a unit"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KIND = {
    "status": ("已审核", "待审核", "已驳回"),
    "category": ("公需科目", "专业科目", "个人选修科目"),
    "organiser": ("国家级", "省级", "市级", "市教研室", "镇级", "校级"),
}
_VERDICT = "ix_credits_verdict"
_HOURS = ("counted", "remaining", "pending", "short_public", "short_subject", "short_elective")
_COVERAGE = ("in_year", "by_nation", "by_province", "by_city", "by_office", "by_town", "by_school")


def upgrade() -> None:
    _standings(*_COVERAGE, sqlite_with_rowid=False)
    op.drop_index("ix_teachers_unit", "teachers")
    op.create_index("ix_teachers_staff", "teachers", ["unit", "employed_from", "employed_to", "teacher_id"])
    if op.get_bind().dialect.name == "postgresql":
        # Words that aren't known make no number, and so no record: none is left out of a sum in silence.
        number = sa.Computed(_number(), persisted=True)
        op.add_column("credits", sa.Column("kind", sa.SmallInteger(), number, nullable=False))
        _index("kind")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _index(*_KIND)
        op.drop_column("credits", "kind")
    op.drop_index("ix_teachers_staff", "teachers")
    op.create_index("ix_teachers_unit", "teachers", ["unit"])
    _standings()


def _standings(*more: str, **options: bool) -> None:
    """Make the table anew: what it held is computed when it is looked at."""
    op.drop_table("standings")
    op.create_table(
        "standings",
        sa.Column("teacher_id", sa.String(length=100), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.String(length=64), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _HOURS),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in more),
        sa.ForeignKeyConstraint(["teacher_id"], ["teachers.teacher_id"], name=op.f("fk_standings_teacher_id")),
        sa.PrimaryKeyConstraint("teacher_id", "year"),
        **options,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE standings ENABLE ROW LEVEL SECURITY")


def _number() -> str:
    """The place of a record's status, category and organiser among all that there are, counted in this order."""
    number = "0"
    for column, words in _KIND.items():
        number = f"({number}) * {len(words)} + {_place(column, words)}"
    return number


def _place(column: str, words: Sequence[str]) -> str:
    cases = " ".join(f"WHEN '{word}' THEN {place}" for place, word in enumerate(words))
    return f"CASE {column} {cases} END"


def _index(*kind: str) -> None:
    op.drop_index(_VERDICT, "credits")
    op.create_index(_VERDICT, "credits", ["teacher_id", "completed_on", *kind, "hours"])
