"""The kinds of database that hold the registry: one class per `registry.kind`.

A new one is a class with a `kind`, its own keys and `url`, and its name in `Registry` (section.py).
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from taxiway.errors import ConfigError
from taxiway.process.password import password_of
from taxiway.section import Frozen, Port

if TYPE_CHECKING:
    from sqlalchemy import URL

PASSWORD_ENV = "TAXIWAY_REGISTRY_PASSWORD"  # noqa: S105  # the variable's name


class RegistryConnection(Frozen):
    """Base of all kinds. SQLAlchemy is imported when a connection is made, not before."""

    PATIENCE_SECONDS: ClassVar[float] = 60.0
    """How long a server may be away in the middle of a run."""

    @abstractmethod
    def url(self) -> URL:
        """SQLAlchemy's address of the database; it holds the password, so it is never logged.

        Raises:
          ConfigError: the variable with the password is not set.
        """

    @property
    @abstractmethod
    def place(self) -> str:
        """The database as messages name it, without the password."""


class SqliteConnection(RegistryConnection):
    """One file of this machine, in write-ahead-log mode: not for a volume that machines share."""

    PATIENCE_SECONDS: ClassVar[float] = 10.0
    kind: Literal["sqlite"]
    path: str = ""
    """SQLite file; empty means `<output.root>/registry.sqlite`."""

    def url(self) -> URL:
        """A file that is made, with its folder, where it is missing.

        Raises:
          ConfigError: the folder cannot be made.
        """
        from sqlalchemy import URL

        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the folder of the registry {self.path} cannot be made: {error.strerror}",
                edit="registry.path",
            ) from error
        return URL.create("sqlite", database=self.path)

    @property
    def place(self) -> str:
        """The path."""
        return self.path


class ServerConnection(RegistryConnection):
    """A database server; a password is a secret and stays in the environment."""

    host: Annotated[str, Field(min_length=1)]
    """Name or address of the server."""
    database: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")] = "taxiway_registry"
    """Not ML Metadata's; made when it does not exist, where the user may."""
    user: Annotated[str, Field(min_length=1)] = "taxiway"
    """Who owns the tables."""
    password_env: Annotated[str, Field(pattern=r"^([A-Z_][A-Z0-9_]*)?$")] = PASSWORD_ENV
    """Environment variable that holds the password, or with _FILE behind it names a file that does;
    empty means that none is asked for."""

    @property
    def place(self) -> str:
        """Database and host."""
        return f"{self.database} at {self.host}"

    def password(self) -> str | None:
        """From the environment.

        Raises:
          ConfigError: the variable is not set.
        """
        return password_of(self.password_env, f"{self.user} at {self.host}", "registry") or None


class MySqlConnection(ServerConnection):
    """MySQL or MariaDB."""

    kind: Literal["mysql"]
    port: Port = 3306
    """Port of the server."""

    def url(self) -> URL:
        """By PyMySQL."""
        from sqlalchemy import URL

        return URL.create(
            "mysql+pymysql",
            self.user,
            self.password(),
            self.host,
            self.port,
            self.database,
            {"charset": "utf8mb4"},
        )


class PostgreSqlConnection(ServerConnection):
    """PostgreSQL."""

    kind: Literal["postgresql"]
    port: Port = 5432
    """Port of the server."""

    def url(self) -> URL:
        """By pg8000."""
        from sqlalchemy import URL

        return URL.create(
            "postgresql+pg8000", self.user, self.password(), self.host, self.port, self.database
        )
