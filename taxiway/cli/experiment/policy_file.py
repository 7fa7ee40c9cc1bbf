"""A policy out of a file: `kind` and its keys, as in `delivery.experiment.policy`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from taxiway.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from pydantic import ValidationError

    from taxiway.delivery.policies import Policy


def read_policy(path: Path) -> Policy:
    """The policy of a YAML file.

    Raises:
      ConfigError: it cannot be read, or is no policy.
    """
    from pydantic import ValidationError

    from taxiway.config.layers import read
    from taxiway.delivery.policies import parse

    settings = read(path)
    try:
        return parse(settings)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explained(error)}", edit=str(path)) from None


def _explained(error: ValidationError) -> str:
    from taxiway.delivery.policies import Policy

    kinds = {
        get_args(kind.model_fields["kind"].annotation)[0]: kind
        for kind in get_args(get_args(Policy)[0])
    }
    lines = []
    for item in error.errors():
        key = ".".join(map(str, item["loc"][1:]))
        if item["type"].startswith("union_tag"):
            given = str(item.get("ctx", {}).get("tag", ""))[:80]
            told = f"unknown kind '{given}'{did_you_mean(given, kinds)}" if given else "no kind"
            lines.append(f"{told} (known: {', '.join(kinds)})")
        elif item["type"] == "extra_forbidden" and len(item["loc"]) == 2:
            known = list(kinds[str(item["loc"][0])].model_fields)
            lines.append(
                f"{key}: unknown key{did_you_mean(key, known)} (known: {', '.join(known)})"
            )
        else:
            message = item["msg"].removeprefix("Value error, ")
            lines.append(f"{key or item['loc'][0]}: {message[:1].lower()}{message[1:]}")
    return "; ".join(lines)
