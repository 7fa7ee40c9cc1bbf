"""`taxiway models verify` and `restore`: a version's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, VersionArgument
from taxiway.cli.registry import open_registry
from taxiway.cli.table import print_table
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.terminal import one_line


def verify(
    version: VersionArgument,
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Hold a version's files against its manifest, its record and its signature; exit code 1 where
    one is not as it was.
    """
    from taxiway.registry.deploy.source import places
    from taxiway.registry.signing.verify import verify_version

    registry = open_registry(config, assignments)
    found = registry.find(version)
    signing = registry.config.registry.signing
    with registry.database.reading() as connection:
        report = verify_version(connection, found, places(connection, found), signing)
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        rows = [(one.state, one.place) for one in report.places]
        print_table((report.version, "place"), rows)
    if report.faults:
        raise TaxiwayError("\n".join(report.faults))


def restore(
    version: VersionArgument,
    to: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet.")],
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Give the files of a version back, bit for bit, from wherever they are kept."""
    from taxiway.registry.deploy.restore import origin_of
    from taxiway.registry.deploy.restore import restore as restored
    from taxiway.registry.deploy.source import places

    registry = open_registry(config, assignments)
    found = registry.find(version)
    reports = Path(registry.config.output.report_folder(found.candidate.run_id))
    with registry.database.reading() as connection:
        known = places(connection, found)
        origin = origin_of(connection, found, reports)
    try:
        place = restored(found, known, to, registry.config.registry.signing)
    except ConfigError:
        raise
    except TaxiwayError as error:
        raise TaxiwayError("\n".join([error.message, *origin.lines()]), edit=error.edit) from error
    if as_json:
        typer.echo(json.dumps({"version": found.subject, "from": place, "to": str(to)}, indent=2))
        return
    typer.echo(one_line(f"{found.subject} is in {to}, as it was registered; copied from {place}"))
