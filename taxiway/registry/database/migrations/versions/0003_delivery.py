"""Delivery: rollouts, experiments, measurements, and what a route says beside its arms."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """To these tables."""
    _table(
        "rollouts",
        _id(),
        _name("model"),
        _name("environment"),
        _name("version"),
        _name("stable"),
        _name("phase"),
        _long("strategy"),
        _long("state"),
        _name("started_by"),
        _name("started_at"),
        _name("updated_at"),
        _name("ended_at"),
        _long("reason"),
    )
    _index("rollouts", "model", "environment", "ended_at")
    _table(
        "rollout_events",
        _id(),
        _integer("rollout_id"),
        _name("at"),
        _name("event"),
        _long("detail"),
        _refers("rollout_events", "rollout_id", "rollouts"),
    )
    _index("rollout_events", "rollout_id")
    _table(
        "arm_measurements",
        _id(),
        _name("model"),
        _name("environment"),
        _integer("revision"),
        _name("version"),
        _name("segment"),
        _name("gateway"),
        _long("measured"),
        _name("at"),
    )
    _index("arm_measurements", "model", "environment", "revision")
    _table(
        "leases",
        _name("name"),
        _name("holder"),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    _table(
        "experiments",
        _id(),
        _name("name"),
        _name("model"),
        _name("environment"),
        _name("phase"),
        _long("design"),
        _long("plan"),
        _integer("first_revision"),
        _name("started_by"),
        _name("started_at"),
        _name("stopped_at"),
        _long("outcome"),
        _long("reason"),
        sa.UniqueConstraint(
            "model",
            "environment",
            "name",
            name=op.f("uq_experiments_model_environment_name"),
        ),
    )
    _table(
        "policy_states",
        sa.Column("experiment_id", sa.Integer(), autoincrement=False, nullable=False),
        _integer("number"),
        _long("state"),
        _name("updated_at"),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("pk_policy_states")),
        _refers("policy_states", "experiment_id", "experiments"),
    )
    _table(
        "policy_observations",
        _id(),
        _integer("experiment_id"),
        _name("gateway"),
        _long("observations"),
        _refers("policy_observations", "experiment_id", "experiments"),
    )
    _index("policy_observations", "experiment_id")
    _table(
        "posted_rewards",
        _id(),
        _name("model"),
        _name("environment"),
        _name("request_id"),
        _long("reward"),
        _name("gateway"),
        sa.Column("at", sa.Double(), nullable=False),
    )
    _index("posted_rewards", "model", "environment")
    _extras()


def _table(name: str, *parts: Any) -> None:
    if parts[0].name == "id":
        parts = (*parts, sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")))
    op.create_table(
        name,
        *parts,
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), autoincrement=True, nullable=False)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _name(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=255), nullable=False)


def _long(name: str) -> sa.Column[str]:
    return sa.Column(name, _LONG, nullable=False)


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def _index(table: str, *columns: str) -> None:
    """One that is there already was made before this migration was killed; see migrate.py."""
    name = op.f(f"ix_{table}_{'_'.join(columns)}")
    if name not in [one["name"] for one in sa.inspect(op.get_bind()).get_indexes(table)]:
        op.create_index(name, table, list(columns))


def _extras() -> None:
    """MySQL's text columns take no default, so it is there before it must be."""
    connection = op.get_bind()
    if "extras" not in [one["name"] for one in sa.inspect(connection).get_columns("routes")]:
        op.add_column("routes", sa.Column("extras", _LONG, nullable=True))
    routes = sa.table("routes", sa.column("extras"))
    connection.execute(sa.update(routes).where(routes.c.extras.is_(None)).values(extras="{}"))
    with op.batch_alter_table("routes") as batch:
        batch.alter_column("extras", existing_type=_LONG, nullable=False)
