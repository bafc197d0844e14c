"""Run by Alembic: migrates over the connection, and in the transaction, of `control.store.migrate`."""

from alembic import context

from tallygate.control.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
