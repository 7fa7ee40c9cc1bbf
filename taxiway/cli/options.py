"""Options that several commands share, and what they make of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from taxiway.terminal import shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taxiway.config.schema import Config

ConfigFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--config", "-c", help="YAML overlay, or a name in configs/. Repeatable, later wins."
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="key.path=value. Repeatable, wins over files."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
PipelineName = Annotated[
    str,
    typer.Argument(
        help="A file in pipelines/, such as training, or a dotted path; "
        "without it the config's pipeline.module."
    ),
]
VersionArgument = Annotated[
    str,
    typer.Argument(
        metavar="VERSION",
        help="flights/1.2.7, 1.2.7 (of the config's model), flights@champion, @champion, flights "
        "(its newest), a run's id, or the first digits of a digest.",
    ),
]
Environment = Annotated[
    str | None,
    typer.Option(
        "--environment", "-e", help="Such as production; without it the config's environment."
    ),
]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; the audit keeps it.")]


def resolve(
    config: Sequence[str] | None,
    assignments: Sequence[str] | None,
    pipeline: str = "",
    default: Sequence[str] = (),
    environment: str | None = None,
) -> Config:
    """The config of a command.

    Args:
      config: the overlays that were given.
      assignments: the `--set` values that were given.
      pipeline: the name that was given; it wins over the config's.
      default: overlays where none was given.
      environment: whose overlay is over them.

    Raises:
      ConfigError: see `load_config`; also where no pipeline has this name.
    """
    from taxiway.config.loader import load_config
    from taxiway.runners.catalog import module_of

    named = [f"pipeline.module={module_of(pipeline)}"] if pipeline else []
    return load_config(config or default, [*(assignments or ()), *named], environment or "")


def command_line() -> str:
    """What the user typed, quoted for a shell."""
    return shell(["taxiway", *sys.argv[1:]])
