"""Routes, the gateways that take them up, and what share of the traffic a deployment had.

What served before had all of it: its route begins with that.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """To these tables."""
    op.create_table(
        "gateways",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("started_at", sa.String(length=255), nullable=False),
        sa.Column("seen_at", sa.String(length=255), nullable=False),
        sa.Column("revisions", _LONG, nullable=False),
        sa.Column("states", _LONG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateways")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "routes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(length=255), nullable=False),
        sa.Column("arms", _LONG, nullable=False),
        sa.Column("action", sa.String(length=255), nullable=False),
        sa.Column("restores", sa.Integer(), nullable=False),
        sa.Column("moved_by", sa.String(length=255), nullable=False),
        sa.Column("moved_at", sa.String(length=255), nullable=False),
        sa.Column("reason", _LONG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routes")),
        sa.UniqueConstraint(
            "model",
            "environment",
            "revision",
            name=op.f("uq_routes_model_environment_revision"),
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    _column(
        "deployments", sa.Column("arm", sa.String(255), nullable=False, server_default="stable")
    )
    _column("deployments", sa.Column("weight", sa.Double(), nullable=False, server_default="100"))
    _begin_routes()


def _column(table: str, column: sa.Column[Any]) -> None:
    """One that is there already was made before this migration was killed; see migrate.py."""
    made = sa.inspect(op.get_bind()).get_columns(table)
    if column.name not in [one["name"] for one in made]:
        op.add_column(table, column)


def _begin_routes() -> None:
    """A first revision for each model and environment in which something serves."""
    connection = op.get_bind()
    names = ("model", "environment", "version", "place", "action", "deployed_by", "reason", "until")
    deployments = sa.table("deployments", sa.column("id"), *map(sa.column, names))
    columns = (
        *("model", "environment", "revision", "salt", "arms"),
        *("action", "restores", "moved_by", "moved_at", "reason"),
    )
    routes = sa.table("routes", *map(sa.column, columns))
    there = {
        tuple(row) for row in connection.execute(sa.select(routes.c.model, routes.c.environment))
    }
    query = sa.select(deployments).where(deployments.c.until == "").order_by(deployments.c.id)
    newest = {(row.model, row.environment): row for row in connection.execute(query)}
    for (model, environment), row in newest.items():
        if (model, environment) in there:
            continue
        number = row.place.rstrip("/").rpartition("/")[2]
        arm = {
            "name": "stable",
            "version": row.version,
            "number": int(number) if number.isascii() and number.isdigit() else 0,
            "place": row.place,
            "ranges": [[0, 10_000]],
        }
        connection.execute(
            sa.insert(routes).values(
                model=model,
                environment=environment,
                revision=1,
                salt=secrets.token_hex(8),
                arms=json.dumps([arm], sort_keys=True, separators=(",", ":"), ensure_ascii=False),
                action=row.action,
                restores=0,
                moved_by=row.deployed_by,
                moved_at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                reason=row.reason,
            )
        )
