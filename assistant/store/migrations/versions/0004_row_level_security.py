"""Row-level security on PostgreSQL: whatever rights a role is given, only the tables' owner sees anybody's rows"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PERSONAL = ("teachers", "credits", "budgets", "accounts", "imports", "formers", "standings", "threads", "turns")


def upgrade() -> None:
    _each("ENABLE")


def downgrade() -> None:
    _each("DISABLE")


def _each(action: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in _PERSONAL:
            op.execute(f"ALTER TABLE {table} {action} ROW LEVEL SECURITY")
