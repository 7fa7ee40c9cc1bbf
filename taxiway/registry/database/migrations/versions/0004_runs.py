"""The index of runs has their config and their slices, to be searched and ranked by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
_COLUMNS = ("slices", "params")


def upgrade() -> None:
    """To these columns; MySQL's text columns take no default, so each is there before it must be.

    A column that is there already was made before this migration was killed; see migrate.py.
    """
    connection = op.get_bind()
    there = [one["name"] for one in sa.inspect(connection).get_columns("runs")]
    for name in _COLUMNS:
        if name not in there:
            op.add_column("runs", sa.Column(name, _LONG, nullable=True))
        runs = sa.table("runs", sa.column(name))
        connection.execute(sa.update(runs).where(runs.c[name].is_(None)).values({name: "{}"}))
    with op.batch_alter_table("runs") as batch:
        for name in _COLUMNS:
            batch.alter_column(name, existing_type=_LONG, nullable=False)
