"""Alembic's entry: runs the migrations on the connection that the application hands it, in one transaction."""

from alembic import context
from sqlalchemy import engine_from_config

from assistant.store.tables import Base


def run() -> None:
    """Upgrade over the given connection, or (from Alembic's own command line) over `sqlalchemy.url`."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        section = context.config.get_section(context.config.config_ini_section, {})
        connection = engine_from_config(section).connect()
    context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


run()
