"""All tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """To these tables."""
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("via", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("before", _LONG, nullable=False),
        sa.Column("after", _LONG, nullable=False),
        sa.Column("reason", _LONG, nullable=False),
        sa.Column("previous_hash", sa.String(length=255), nullable=False),
        sa.Column("hash", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    _index("audit", "subject")

    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "deploy_queue",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("pushed_to", _LONG, nullable=False),
        sa.Column("action", sa.String(length=255), nullable=False),
        sa.Column("queued_by", sa.String(length=255), nullable=False),
        sa.Column("queued_at", sa.String(length=255), nullable=False),
        sa.Column("reason", _LONG, nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("taken_by", sa.String(length=255), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("takes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deploy_queue")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    _index("deploy_queue", "model", "environment")
    _index("deploy_queue", "state")

    op.create_table(
        "deployments",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("place", _LONG, nullable=False),
        sa.Column("queue_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=255), nullable=False),
        sa.Column("queued_by", sa.String(length=255), nullable=False),
        sa.Column("deployed_by", sa.String(length=255), nullable=False),
        sa.Column("reason", _LONG, nullable=False),
        sa.Column("since", sa.String(length=255), nullable=False),
        sa.Column("until", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    _index("deployments", "model", "environment", "since")

    op.create_table(
        "model_versions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("major", sa.Integer(), nullable=False),
        sa.Column("minor", sa.Integer(), nullable=False),
        sa.Column("pipeline", sa.Integer(), nullable=False),
        sa.Column("style", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.String(length=255), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("model_digest", sa.String(length=255), nullable=False),
        sa.Column("contract_digest", sa.String(length=255), nullable=False),
        sa.Column("pipeline_digest", sa.String(length=255), nullable=False),
        sa.Column("mapping_digest", sa.String(length=255), nullable=False),
        sa.Column("contract", _LONG, nullable=False),
        sa.Column("reasons", _LONG, nullable=False),
        sa.Column("baseline", _LONG, nullable=False),
        sa.Column("metrics", _LONG, nullable=False),
        sa.Column("facts", _LONG, nullable=False),
        sa.Column("checks", _LONG, nullable=False),
        sa.Column("card", _LONG, nullable=False),
        sa.Column("search_text", _LONG, nullable=False),
        sa.Column("pushed_to", _LONG, nullable=False),
        sa.Column("artifact_uri", _LONG, nullable=False),
        sa.Column("signature", _LONG, nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint("model", "name", name=op.f("uq_model_versions_model_name")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    _index("model_versions", "model", "model_digest")
    _index("model_versions", "run_id")

    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("subject_kind", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("text", _LONG, nullable=False),
        sa.Column("written_by", sa.String(length=255), nullable=False),
        sa.Column("written_at", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    _index("notes", "subject_kind", "subject")

    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=255), nullable=False),
        sa.Column("target", _LONG, nullable=False),
        sa.Column("payload", _LONG, nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", _LONG, nullable=False),
        sa.Column("next_try", sa.Double(), nullable=False),
        sa.Column("created_at", sa.String(length=255), nullable=False),
        sa.Column("sent_at", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_outbox_kind_key")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    _index("outbox", "state", "next_try")

    op.create_table(
        "policies",
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("policy", _LONG, nullable=False),
        sa.Column("changed_at", sa.String(length=255), nullable=False),
        sa.UniqueConstraint("model", "environment", name=op.f("uq_policies_model_environment")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "probes",
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("signature", sa.String(length=255), nullable=False),
        sa.Column("examples", _LONG, nullable=False),
        sa.Column("kept_at", sa.String(length=255), nullable=False),
        sa.UniqueConstraint("model", "signature", name=op.f("uq_probes_model_signature")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(length=255), nullable=False),
        sa.Column("pipeline", sa.String(length=255), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("outcome", sa.String(length=255), nullable=False),
        sa.Column("started_at", sa.String(length=255), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("failure", _LONG, nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("metrics", _LONG, nullable=False),
        sa.Column("facts", _LONG, nullable=False),
        sa.Column("folder", _LONG, nullable=False),
        sa.Column("search_text", _LONG, nullable=False),
        sa.Column("indexed_at", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    _index("runs", "pipeline", "started_at")

    op.create_table(
        "tags",
        sa.Column("subject_kind", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", _LONG, nullable=False),
        sa.UniqueConstraint(
            "subject_kind", "subject", "key", name=op.f("uq_tags_subject_kind_subject_key")
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("lookup", sa.String(length=255), nullable=False),
        sa.Column("secret_hash", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=255), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.String(length=255), nullable=False),
        sa.Column("expires_at", sa.String(length=255), nullable=False),
        sa.Column("revoked_at", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("lookup", name=op.f("uq_tokens_lookup")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "aliases",
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("alias", sa.String(length=255), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_versions.id"], name=op.f("fk_aliases_version_id")
        ),
        sa.UniqueConstraint("model", "alias", name=op.f("uq_aliases_model_alias")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("decision", sa.String(length=255), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=False),
        sa.Column("decided_at", sa.String(length=255), nullable=False),
        sa.Column("reason", _LONG, nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_versions.id"], name=op.f("fk_approvals_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "version_states",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("reason", _LONG, nullable=False),
        sa.Column("changed_at", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_versions.id"], name=op.f("fk_version_states_version_id")
        ),
        sa.UniqueConstraint(
            "version_id", "environment", name=op.f("uq_version_states_version_id_environment")
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    head = sa.table("audit_head", sa.column("id"), sa.column("sequence"), sa.column("hash"))
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "hash": "0" * 64}])


def _index(table: str, *columns: str) -> None:
    """One that is there already was made before this migration was killed; see migrate.py."""
    name = "_".join(("ix", table, *columns))
    made = sa.inspect(op.get_bind()).get_indexes(table)
    if name not in [index["name"] for index in made]:
        op.create_index(name, table, columns)
