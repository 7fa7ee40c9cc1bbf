"""The steps from each release's tables to the next, as Alembic runs them."""
