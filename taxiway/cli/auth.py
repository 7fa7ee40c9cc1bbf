"""`taxiway auth`: tokens, by which changes of the registry are somebody's."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from taxiway.cli.options import AsJson, Assignments, ConfigFiles, Reason
from taxiway.cli.registry import open_registry
from taxiway.cli.table import print_table

app = typer.Typer(
    help="Say who may change the registry.", no_args_is_help=True, rich_markup_mode=None
)
tokens = typer.Typer(
    help="Tokens: once there is one, every change takes one, in TAXIWAY_TOKEN.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(tokens, name="token")

RoleName = Literal["viewer", "author", "approver", "deployer", "admin"]


@tokens.command()
def create(
    name: Annotated[str, typer.Option(help="Who acts with it, such as ann or ci.")],
    role: Annotated[
        RoleName, typer.Option(help="What it permits; the first has to be an admin's.")
    ],
    expires: Annotated[str, typer.Option(help="Hours, days or weeks: 12h, 30d, 8w.")] = "30d",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once: the registry keeps only a hash of it."""
    from dataclasses import asdict

    from taxiway.registry.auth.actor import Role
    from taxiway.registry.auth.token_env import TOKEN_ENV
    from taxiway.registry.auth.tokens import create_token, expiry, list_tokens

    ends = expiry(expires)
    registry = open_registry(config, assignments)
    new = create_token(registry.database, registry.actor, name, Role(role), ends)
    if as_json:
        typer.echo(json.dumps({**asdict(new.token), "token": new.text}, indent=2))
        return
    typer.echo(new.text)
    lines = [f"{name} is {role} with it until {new.token.expires_at}; it is not shown again"]
    if len(list_tokens(registry.database)) == 1:
        lines += [
            "it is the first one here: from now on every change takes a token, those of runs too",
            f"  export {TOKEN_ENV}=...",
        ]
    for line in lines:
        typer.echo(line, err=True)


@tokens.command(name="list")
def list_(
    config: ConfigFiles = None, assignments: Assignments = None, as_json: AsJson = False
) -> None:
    """List all tokens, without what they prove themselves by."""
    from dataclasses import asdict

    from taxiway.registry.auth.tokens import list_tokens

    found = list_tokens(open_registry(config, assignments).database)
    if as_json:
        rows = [{**asdict(one), "state": one.state} for one in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    print_table(
        ("id", "name", "role", "state", "expires", "made by", "made"),
        [
            (one.id, one.name, one.role, one.state, one.expires_at, one.created_by, one.created_at)
            for one in found
        ],
        empty="no tokens: the operating system's user may change everything",
    )


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, or the name of which one is usable.")],
    reason: Reason = "",
    config: ConfigFiles = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Take a token back, for good; the next change by it is refused."""
    from dataclasses import asdict

    from taxiway.registry.auth.tokens import revoke_token

    registry = open_registry(config, assignments)
    done = revoke_token(registry.database, registry.actor, token, reason)
    if as_json:
        typer.echo(json.dumps({**asdict(done), "state": done.state}, indent=2))
        return
    typer.echo(f"{done.id}, {done.role} token of {done.name}, is revoked since {done.revoked_at}")
