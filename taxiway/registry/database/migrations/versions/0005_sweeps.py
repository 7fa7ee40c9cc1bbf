"""Sweeps: searches through hyperparameters, and their runs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """To these tables."""
    _table(
        "sweeps",
        _id(),
        _name("model"),
        _name("design_digest"),
        _long("design"),
        _long("config"),
        _name("code_digest"),
        _name("started_by"),
        _name("started_at"),
        _name("ended_at"),
        _long("ending"),
    )
    _index("sweeps", "design_digest")
    _table(
        "sweep_trials",
        _id(),
        sa.Column("sweep_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _long("given"),
        _name("run_id"),
        _name("state"),
        sa.Column("objective", sa.Double(), nullable=True),
        _long("curve"),
        _long("nodes"),
        _long("metrics"),
        _long("reason"),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_sweep_trials_sweep_id")),
        sa.UniqueConstraint("sweep_id", "number", name=op.f("uq_sweep_trials_sweep_id_number")),
    )


def _table(name: str, *parts: Any) -> None:
    op.create_table(
        name,
        *parts,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), autoincrement=True, nullable=False)


def _name(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=255), nullable=False)


def _long(name: str) -> sa.Column[str]:
    return sa.Column(name, _LONG, nullable=False)


def _index(table: str, *columns: str) -> None:
    """One that is there already was made before this migration was killed; see migrate.py."""
    name = op.f(f"ix_{table}_{'_'.join(columns)}")
    if name not in [one["name"] for one in sa.inspect(op.get_bind()).get_indexes(table)]:
        op.create_index(name, table, list(columns))
