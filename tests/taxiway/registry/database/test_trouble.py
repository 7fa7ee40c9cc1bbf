"""A server that is away, closed, empty or another: told in a few lines, and no password with it."""

from __future__ import annotations

import gc
import logging
import traceback
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, insert, select, text

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.database import engines
from taxiway.registry.database.connection import PASSWORD_ENV, RegistryConnection
from taxiway.registry.database.session import Database
from taxiway.registry.database.tables import tags
from taxiway.registry.section import MySqlRegistry, PostgreSqlRegistry, Registry, parse_registry
from tests.conftest import REPOSITORY
from tests.databases import PASSWORD, Server

SERVERS = ("mariadb", "postgresql")
BASE = REPOSITORY / "deploy" / "kubernetes" / "base"
SECRET = "a very s3cret: word @/%"
TAG = {"subject_kind": "run", "subject": "r1", "key": "k"}


pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _what_drivers_leave() -> Iterator[None]:
    """They do not close the socket of a connection that came to nothing."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv(PASSWORD_ENV, PASSWORD)
    monkeypatch.setattr(RegistryConnection, "PATIENCE_SECONDS", 0.5)
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def other(request: pytest.FixtureRequest, server: Server) -> Server:
    """A server of the other kind."""
    found: Server = request.getfixturevalue("postgresql" if server.kind == "mysql" else "mariadb")
    return found


@pytest.fixture
def administrator(server: Server) -> Iterator[Callable[[str], None]]:
    """Executes SQL as who may do all."""
    url = server.registry("postgres" if server.kind == "postgresql" else "mysql").url()
    engine = create_engine(url, isolation_level="AUTOCOMMIT")

    def execute(statements: str) -> None:
        with engine.connect() as connection:
            for statement in filter(str.strip, statements.split(";")):
                connection.execute(text(statement))

    yield execute
    engine.dispose()


def make_user(server: Server, administrator: Callable[[str], None]) -> str:
    name = f"low_{uuid.uuid4().hex[:8]}"
    if server.kind == "mysql":
        administrator(f"CREATE USER {name} IDENTIFIED BY '{PASSWORD}'")
    else:
        administrator(f"CREATE USER {name} PASSWORD '{PASSWORD}'")
    return name


def changed(section: Registry, **values: object) -> Registry:
    return parse_registry(section.model_copy(update=values).model_dump_json())


def refusal(section: Registry) -> TaxiwayError:
    with closing(Database(section)) as database, pytest.raises(TaxiwayError) as refused:
        _ = database.engine
    assert len(str(refused.value).splitlines()) == 2
    return refused.value


def test_a_database_that_is_missing_is_made(server: Server) -> None:
    with closing(Database(server.registry())) as database, database.reading() as connection:
        assert connection.execute(select(tags)).all() == []


def test_a_wrong_password_is_told_with_the_variable_that_holds_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, SECRET)
    told = refusal(server.registry())
    assert isinstance(told, ConfigError)
    assert told.message.startswith(f"127.0.0.1:{server.port} does not let taxiway in: ")
    assert told.edit == (
        f"registry.user, or the password in {PASSWORD_ENV} (registry.password_env)"
    )


def test_a_password_that_was_not_given_is_told(server: Server) -> None:
    told = refusal(changed(server.registry(), password_env=""))
    assert "does not let taxiway in" in told.message
    assert told.edit.endswith("the password in no variable (registry.password_env)")


def test_a_host_that_nobody_knows_is_told_at_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    told = refusal(changed(server.registry(), host="no.such.host.invalid"))
    assert told.message.startswith("no machine is known as no.such.host.invalid: ")
    assert (told.edit, told.exit_code) == ("registry.host", 2)
    assert caplog.text == ""


def test_a_port_where_nobody_listens_is_tried_for_a_while(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    told = refusal(changed(server.registry(), port=1))
    assert told.message.startswith("no database answers at 127.0.0.1:1: ")
    assert "Connection refused" in told.message
    assert told.edit == "registry.host or registry.port; is the server up?"
    assert "try 1: " in caplog.text


def test_a_try_that_takes_all_the_patience_is_not_the_only_one(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(RegistryConnection, "PATIENCE_SECONDS", 0.0)
    assert refusal(changed(server.registry(), port=1)).message.startswith("no database answers")
    assert caplog.text.count(", try ") == 1  # of the second the refusal tells


def test_a_server_of_another_kind_is_told_with_the_key(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engines._PROBE["mysql"], "read_timeout", 1)
    told = refusal(changed(server.registry(), port=other.port))
    assert told.message == (
        f"what answers at 127.0.0.1:{other.port} does not speak as a server of kind {server.kind} "
        "does"
    )
    assert told.edit == "registry.kind or registry.port"


def test_a_user_who_may_not_make_the_database_learns_what_an_administrator_runs(
    server: Server, administrator: Callable[[str], None]
) -> None:
    section = changed(server.registry(), user=make_user(server, administrator))
    told = refusal(section)
    assert told.edit.startswith("as an administrator of the server: CREATE DATABASE ")
    administrator(told.edit.partition(": ")[2])
    with closing(Database(section)) as database, database.working() as connection:
        connection.execute(insert(tags).values(TAG))


def test_what_the_manifests_grant_is_enough(
    server: Server, administrator: Callable[[str], None]
) -> None:
    """deploy/kubernetes/base/metadata.yaml's script, for a user who may do nothing else."""
    if server.kind != "mysql":
        pytest.skip("the manifests bring a MariaDB")
    (script,) = [
        document["data"]["registry.sql"]
        for document in yaml.safe_load_all((BASE / "metadata.yaml").read_text())
        if document["kind"] == "ConfigMap"
    ]
    user, name = make_user(server, administrator), f"r_{uuid.uuid4().hex[:8]}"
    administrator(script.replace("taxiway_registry", name).replace("'taxiway'", user))
    section = changed(server.registry(name), user=user)
    with closing(Database(section)) as database, database.working() as connection:
        connection.execute(insert(tags).values(TAG))


def test_a_user_who_may_not_make_tables_learns_what_an_administrator_runs(
    server: Server, administrator: Callable[[str], None]
) -> None:
    user, name = make_user(server, administrator), f"ro_{uuid.uuid4().hex[:8]}"
    administrator(f"CREATE DATABASE {name}")
    if server.kind == "mysql":
        administrator(f"GRANT SELECT ON {name}.* TO {user}")
    told = refusal(changed(server.registry(name), user=user))
    assert told.message.startswith(f"{user} may not keep the registry in the database {name} at ")
    grants = told.edit.partition(": ")[2]
    assert f" {user}" in grants.replace("'", " ")


def test_a_server_that_restarts_between_two_changes_is_not_noticed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RegistryConnection, "PATIENCE_SECONDS", 60.0)
    with closing(Database(server.registry())) as database:
        with database.working() as connection:
            connection.execute(insert(tags).values(TAG))
        server.restart()
        with database.working() as connection:
            assert len(connection.execute(select(tags)).all()) == 1
            connection.execute(insert(tags).values(TAG | {"key": "k2"}))
        with database.reading() as connection:
            assert len(connection.execute(select(tags)).all()) == 2


def test_a_server_that_goes_away_in_the_middle_of_a_change_has_kept_nothing_of_it(
    server: Server,
) -> None:
    def write_while_it_restarts(database: Database) -> None:
        with database.working() as connection:
            connection.execute(insert(tags).values(TAG))
            server.restart()
            connection.execute(insert(tags).values(TAG | {"key": "k2"}))

    with closing(Database(server.registry())) as database:
        with pytest.raises(TaxiwayError) as refused:
            write_while_it_restarts(database)
        assert f"the registry {database.place} went away in the middle" in refused.value.message
        assert refused.value.edit.startswith("registry.host: is the server up?")
        with database.reading() as connection:
            assert connection.execute(select(tags)).all() == []


def test_no_password_is_in_anything_that_is_printed(
    server: Server,
    other: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not in messages, tracebacks, logs of drivers at their most talkative, or representations."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy").setLevel(logging.DEBUG)
    monkeypatch.setitem(engines._PROBE["mysql"], "read_timeout", 1)
    monkeypatch.setenv("SECRET", SECRET)
    right, told = server.registry(), []
    wrong: list[dict[str, Any]] = [
        {"password_env": "SECRET"},
        {"password_env": "SECRET", "port": 1},
        {"port": other.port},
        {"host": "no.such.host.invalid"},
        {"user": "nobody"},
    ]
    for values in wrong:
        error = refusal(changed(right, **values))
        told += [repr(error), *traceback.format_exception(error)]
    with closing(Database(right)) as database, database.reading() as connection:
        for one in (right, database, database.engine, database.engine.url, connection):
            told += [repr(one), str(one)]
    told += [caplog.text, *capfd.readouterr()]
    assert "sqlalchemy.engine.Engine" in caplog.text
    for text_ in told:
        for secret in (SECRET, PASSWORD, "a+very", "a%20very", "only+for"):
            assert secret not in text_


@pytest.mark.parametrize("kind", [MySqlRegistry, PostgreSqlRegistry])
def test_a_variable_that_is_not_set_is_told(
    kind: type[MySqlRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSWORD_ENV, raising=False)
    name = {MySqlRegistry: "mysql", PostgreSqlRegistry: "postgresql"}[kind]
    told = refusal(parse_registry(f'{{"kind": "{name}", "host": "db"}}'))
    assert told.message == (
        f"the environment has no {PASSWORD_ENV}, which holds the password of taxiway at db"
    )


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "r.sqlite"
    told = refusal(parse_registry(f'{{"kind": "sqlite", "path": "{path}"}}'))
    assert str(told) == (
        f"the folder of the registry {path} cannot be made: File exists\n  edit: registry.path"
    )
