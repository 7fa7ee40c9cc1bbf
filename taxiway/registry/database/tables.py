"""The registry's tables, in SQLAlchemy Core; migrations/ brings an older database to them.

Times are text, UTC and sortable (see `now`); `Json` is canonical text, the same on every database.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT

LongText: Final = Text().with_variant(MEDIUMTEXT, "mysql")
NAME: Final = 255
"""Characters of a name: MariaDB's indexes hold three such columns."""
TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Of UTC; it sorts as text."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Json(TypeDecorator[Any]):
    """Plain values as canonical JSON: sorted keys, no blanks, NaN as Python writes it."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        """MySQL's TEXT ends at 64 KB."""
        return MEDIUMTEXT() if dialect.name == "mysql" else Text()

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:  # noqa: ARG002  # SQLAlchemy's
        """To text."""
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:  # noqa: ARG002  # SQLAlchemy's
        """From text."""
        return None if value is None else json.loads(value)


def canonical(value: Any) -> str:
    """The one text of a value: for digests and for columns, which take any text but these two.

    JSON escapes NUL by itself; halves of surrogate pairs, as bytes that are no text come from
    command lines and file names, are escaped here.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _SURROGATE.sub(lambda one: f"\\u{ord(one[0]):04x}", text)


def now() -> str:
    """The time as the registry writes it: `2026-03-01T12:00:00.000000Z`, which sorts as text."""
    return datetime.now(timezone.utc).strftime(TIME_FORMAT)


def written(seconds: float) -> str:
    """Seconds since the epoch as `now` writes them."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime(TIME_FORMAT)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *parts: Any) -> Table:
    """Names compare by their bytes on MariaDB too, as they do on SQLite and PostgreSQL."""
    return Table(
        name,
        metadata,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _text(name: str, default: str | None = None, **options: Any) -> Column[str]:
    return Column(name, String(NAME), nullable=False, default=default, **options)


def _version_id() -> Column[int]:
    return Column("version_id", Integer, ForeignKey("model_versions.id"), nullable=False)


model_versions = _table(
    "model_versions",
    _id(),
    _text("model"),
    _text("name"),  # 1.2.7, or what another style of versioning gives
    Column("major", Integer, nullable=False),
    Column("minor", Integer, nullable=False),
    Column("pipeline", Integer, nullable=False),
    _text("style", "semantic"),  # kind of the versioning that numbered it
    _text("run_id"),
    _text("author"),
    _text("model_digest"),
    _text("contract_digest"),
    _text("pipeline_digest"),
    _text("mapping_digest", ""),  # of black_box: signature and answers on the probe set
    Column(
        "contract", Json, nullable=False
    ),  # inputs, label, definition, outputs; {} of older ones
    Column("reasons", Json, nullable=False),  # {"major": "...", "minor": "...", "pipeline": "..."}
    Column(
        "baseline", Json, nullable=False
    ),  # version, digest and metrics it was compared with; {}
    Column("metrics", Json, nullable=False),
    Column("facts", Json, nullable=False),  # of the run: what the model card is filled from
    Column("checks", Json, nullable=False),  # {"evaluator": true, "infra_validator": true, ...}
    Column("card", Json, nullable=False, default=dict),  # what people wrote in it, by field
    Column("search_text", LongText, nullable=False, default=""),  # lower case; see search/text.py
    Column("pushed_to", LongText, nullable=False),  # folder in the model store, or in serving
    Column("artifact_uri", LongText, nullable=False, default=""),  # TFX's own copy of the push
    Column("signature", LongText, nullable=False, default=""),
    Column("archived", Boolean, nullable=False, default=False),
    _text("created_at"),
    UniqueConstraint("model", "name"),
    Index(None, "model", "model_digest"),
    Index(None, "run_id"),
)
probes = _table(  # of black_box: the rows whose answers tell a model's mappings apart
    "probes",
    _text("model"),
    _text("signature"),  # sha256 of names and types that go in and come out
    Column("examples", Json, nullable=False),  # serialized tf.Examples in Base64
    _text("kept_at"),
    UniqueConstraint("model", "signature"),
)
version_states = _table(  # of a version in each environment that it was put before
    "version_states",
    _version_id(),
    _text("environment"),
    _text("state"),  # pending, approved, rejected
    Column("reason", LongText, nullable=False, default=""),
    _text("changed_at"),
    UniqueConstraint("version_id", "environment"),
)
approvals = _table(  # one decision of one person, or of the policy itself
    "approvals",
    _id(),
    _version_id(),
    _text("environment"),
    _text("decision"),  # approved, rejected
    _text("decided_by"),
    _text("decided_at"),
    Column("reason", LongText, nullable=False, default=""),
)
policies = _table(  # what holds for a model, whatever the next config says
    "policies",
    _text("model"),
    _text("environment"),
    Column("policy", Json, nullable=False),
    _text("changed_at"),
    UniqueConstraint("model", "environment"),
)
aliases = _table(
    "aliases",
    _text("model"),
    _text("alias"),
    _version_id(),
    Column("protected", Boolean, nullable=False, default=False),
    _text("changed_at"),
    UniqueConstraint("model", "alias"),
)
tags = _table(  # subject_kind: model, version, run; subject: flights, flights/1.2.7, a run's id
    "tags",
    _text("subject_kind"),
    _text("subject"),
    _text("key"),
    Column("value", LongText, nullable=False, default=""),
    UniqueConstraint("subject_kind", "subject", "key"),
)
notes = _table(
    "notes",
    _id(),
    _text("subject_kind"),
    _text("subject"),
    Column("text", LongText, nullable=False),
    _text("written_by"),
    _text("written_at"),
    Index(None, "subject_kind", "subject"),
)
deploy_queue = _table(
    "deploy_queue",
    _id(),
    _text("model"),
    _text("version"),
    _text("environment", ""),
    Column("pushed_to", LongText, nullable=False),  # where the model is; empty in older entries
    _text("action", "deploy"),  # deploy, rollback
    _text("queued_by", ""),
    _text("queued_at", ""),
    Column("reason", LongText, nullable=False, default=""),
    _text("state", "waiting"),  # waiting, taken, done, refused, superseded
    _text("taken_by", ""),
    Column("lease_until", Double, nullable=True),
    Column("takes", Integer, nullable=False, default=0),
    Index(None, "state"),
    Index(None, "model", "environment"),
)
deployments = _table(  # what served, from when to when; `until` is empty while it serves
    "deployments",
    _id(),
    _text("model"),
    _text("version"),
    _text("environment", ""),
    Column("place", LongText, nullable=False),
    Column("queue_id", Integer, nullable=True),
    _text("action", "deploy"),  # deploy, rollback, promote, weights, undo
    _text("queued_by"),
    _text("deployed_by"),
    Column("reason", LongText, nullable=False, default=""),
    _text("since"),
    _text("until", ""),
    _text("arm", "stable"),  # of the route
    Column("weight", Double, nullable=False, default=100.0),  # percent of the traffic
    Index(None, "model", "environment", "since"),
)
routes = _table(  # how traffic was split; the highest revision says how it is
    "routes",
    _id(),
    _text("model"),
    _text("environment", ""),
    Column("revision", Integer, nullable=False),
    _text("salt"),
    Column("arms", Json, nullable=False),  # see routes/records.py
    Column("extras", Json, nullable=False, default=dict),  # audience, mirror, policy
    _text("action"),  # as of deployments
    Column("restores", Integer, nullable=False, default=0),  # of undo: the revision gone back to
    _text("moved_by"),
    _text("moved_at"),
    Column("reason", LongText, nullable=False, default=""),
    UniqueConstraint("model", "environment", "revision"),
)
rollouts = _table(  # one version on its way to users; see delivery/rollout
    "rollouts",
    _id(),
    _text("model"),
    _text("environment", ""),
    _text("version"),  # the new one
    _text("stable"),  # the one that served when it began
    _text("phase"),  # see delivery/rollout/state.py; the last ones are ended
    Column("strategy", Json, nullable=False),  # as the config had it when it began
    Column("state", Json, nullable=False),
    _text("started_by"),
    _text("started_at"),
    _text("updated_at"),
    _text("ended_at", ""),
    Column("reason", LongText, nullable=False, default=""),
    Index(None, "model", "environment", "ended_at"),
)
rollout_events = _table(  # what happened to a rollout, for people
    "rollout_events",
    _id(),
    Column("rollout_id", Integer, ForeignKey("rollouts.id"), nullable=False),
    _text("at"),
    _text("event"),
    Column("detail", Json, nullable=False),
    Index(None, "rollout_id"),
)
arm_measurements = _table(  # what each gateway has measured of each version; see delivery/evidence
    "arm_measurements",
    _id(),
    _text("model"),
    _text("environment", ""),
    Column("revision", Integer, nullable=False),  # of the route
    _text("version"),
    _text("segment"),  # audience, others, shadow
    _text("gateway"),
    Column("measured", Json, nullable=False),
    _text("at"),
    Index(None, "model", "environment", "revision"),
)
leases = _table(
    "leases",
    _text("name", primary_key=True),
    _text("holder"),
    Column("until", Double, nullable=False),  # seconds since the epoch
)
experiments = _table(  # between versions; see delivery/experiment
    "experiments",
    _id(),
    _text("name"),
    _text("model"),
    _text("environment", ""),
    _text("phase"),  # running, stopped
    Column("design", Json, nullable=False),  # as it began: arms, policy, metrics
    Column("plan", Json, nullable=False, default=dict),  # what was told of its size
    Column("first_revision", Integer, nullable=False),  # of the route, that it made
    _text("started_by"),
    _text("started_at"),
    _text("stopped_at", ""),
    Column("outcome", Json, nullable=False, default=dict),  # what was found when it stopped
    Column("reason", LongText, nullable=False, default=""),
    UniqueConstraint("model", "environment", "name"),
)
policy_states = _table(  # what the policy of an experiment has learnt
    "policy_states",
    Column(
        "experiment_id",
        Integer,
        ForeignKey("experiments.id"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("number", Integer, nullable=False),  # one more with each update
    Column("state", Json, nullable=False),
    _text("updated_at"),
)
policy_observations = _table(  # rewards that are still to be learnt from
    "policy_observations",
    _id(),
    Column("experiment_id", Integer, ForeignKey("experiments.id"), nullable=False),
    _text("gateway"),
    Column("observations", Json, nullable=False),
    Index(None, "experiment_id"),
)
posted_rewards = _table(  # for the gateway that made the decision, which others look for
    "posted_rewards",
    _id(),
    _text("model"),
    _text("environment", ""),
    _text("request_id"),
    Column("reward", Json, nullable=False),
    _text("gateway"),  # that took it, and did not know the request
    Column("at", Double, nullable=False),  # seconds since the epoch
    Index(None, "model", "environment"),
)
gateways = _table(  # those that serve, as each says of itself every few seconds
    "gateways",
    _text("id", primary_key=True),
    _text("host"),
    Column("pid", Integer, nullable=False),
    _text("environment", ""),
    _text("started_at"),
    _text("seen_at"),
    Column("revisions", Json, nullable=False),  # by model, that of the route it has taken up
    Column("states", Json, nullable=False),  # by model, of its versions
)
tokens = _table(
    "tokens",
    _id(),
    _text("lookup"),  # the public part of a token, by which its row is found
    _text("secret_hash"),  # argon2id of the other part
    _text("name"),
    _text("role"),
    _text("created_by"),
    _text("created_at"),
    _text("expires_at"),
    _text("revoked_at", ""),
    UniqueConstraint("lookup"),
)
audit = _table(
    "audit",
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    _text("at"),
    _text("actor"),
    _text("via"),  # token, system, run, policy
    _text("host"),
    _text("action"),
    _text("subject"),
    Column("before", LongText, nullable=False),  # canonical JSON, as the hash has it
    Column("after", LongText, nullable=False),
    Column("reason", LongText, nullable=False),
    _text("previous_hash"),
    _text("hash"),
    Index(None, "subject"),
)
audit_head = _table(  # one row, whose lock makes one writer follow another on every database
    "audit_head",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    _text("hash"),
)
runs = _table(  # an index of what ML Metadata and the runs' folders hold, to search in
    "runs",
    _text("run_id", primary_key=True),
    _text("pipeline"),
    _text("model", ""),
    _text("outcome"),
    _text("started_at"),
    Column("seconds", Double, nullable=False),
    Column("failure", LongText, nullable=False, default=""),
    _text("version", ""),
    Column("metrics", Json, nullable=False),
    Column("facts", Json, nullable=False),
    Column("folder", LongText, nullable=False),
    Column("search_text", LongText, nullable=False, default=""),
    _text("indexed_at"),
    Column("slices", Json, nullable=False, default=dict),  # metrics by slice
    Column("params", Json, nullable=False, default=dict),  # the config by dotted key; much text,
    Index(None, "pipeline", "started_at"),  # and last, so that reading the others passes it by
)
sweeps = _table(  # a search through hyperparameters; see runners/sweep
    "sweeps",
    _id(),
    _text("model"),
    _text("design_digest"),  # of what was asked for: the same command has the same
    Column("design", Json, nullable=False),  # space, sampler, caps, objective
    Column("config", Json, nullable=False),  # what every trial's config is made from
    _text("code_digest"),
    _text("started_by"),
    _text("started_at"),
    _text("ended_at", ""),
    Column("ending", LongText, nullable=False, default=""),  # why no further trial begins
    Index(None, "design_digest"),
)
sweep_trials = _table(  # one run of a sweep
    "sweep_trials",
    _id(),
    Column("sweep_id", Integer, ForeignKey("sweeps.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1 on
    Column("given", Json, nullable=False),  # by key of the config, as YAML
    _text("run_id"),
    _text("state"),  # running, complete, pruned, failed, stopped, interrupted
    Column("objective", Double, nullable=True),
    Column("curve", Json, nullable=False, default=list),  # one value for each epoch
    Column("nodes", Json, nullable=False, default=dict),  # how each node ended
    Column("metrics", Json, nullable=False, default=dict),
    Column("reason", LongText, nullable=False, default=""),
    Column("seconds", Double, nullable=False, default=0.0),
    UniqueConstraint("sweep_id", "number"),
)
outbox = _table(
    "outbox",
    _id(),
    _text("key"),  # what is sent once: the same key is the same message
    _text("kind"),  # who takes it: notify
    Column("target", Json, nullable=False),  # the config section that says where, without secrets
    Column("payload", Json, nullable=False),
    _text("state", "waiting"),  # waiting, sending, sent, given_up
    Column("tries", Integer, nullable=False, default=0),
    Column("error", LongText, nullable=False, default=""),
    Column("next_try", Double, nullable=False, default=0.0),  # of one being sent: the lease's end
    _text("created_at"),
    _text("sent_at", ""),
    UniqueConstraint("kind", "key"),
    Index(None, "state", "next_try"),
)
