"""What alembic runs: the migrations, on the connection and in the transaction it is given."""

from alembic import context

# SQLite can create tables within a transaction; alembic supposes that it cannot
context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
