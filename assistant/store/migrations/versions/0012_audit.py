"""The audit trail: who saw and did what. The database itself keeps its lines as they are"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# A line may lose whose it is, when a person is erased, and nothing else; it goes after half a year at the earliest.
_SAME = " AND ".join(
    f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in ("id", "at", "act", "unit", "subject", "request")
)
_BLANK = " AND ".join(
    f"(NEW.{name} IS NOT DISTINCT FROM OLD.{name} OR NEW.{name} IS NOT DISTINCT FROM '-')"
    for name in ("account", "teacher_id")
)
_KEPT = 180 * 86400

_UNCHANGED = f"{_SAME} AND {_BLANK}".replace("IS NOT DISTINCT FROM", "IS")  # SQLite's own way to say so
_SQLITE = (
    f"""CREATE TRIGGER audit_stays BEFORE UPDATE ON audit WHEN NOT ({_UNCHANGED})
    BEGIN SELECT RAISE(ABORT, 'audit lines stay'); END""",
    f"""CREATE TRIGGER audit_kept BEFORE DELETE ON audit WHEN OLD.at > CAST(strftime('%s', 'now') AS REAL) - {_KEPT}
    BEGIN SELECT RAISE(ABORT, 'audit lines stay'); END""",
)
_POSTGRESQL = (
    f"""CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF {_SAME} AND {_BLANK} THEN
                RETURN NEW;
            END IF;
        ELSIF OLD.at <= extract(epoch FROM now()) - {_KEPT} THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'audit lines stay';
    END $$""",
    "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays()",
    "ALTER TABLE audit ENABLE ROW LEVEL SECURITY",
)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=True),
        sa.Column("teacher_id", sa.String(length=100), nullable=True),
        sa.Column("unit", sa.String(length=300), nullable=True),
        sa.Column("subject", sa.String(length=100), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    statements = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
    for statement in statements.get(op.get_bind().dialect.name, ()):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_stays")
