"""Notifiers: one function a kind, chosen by `notify.kind`. Adding one is a function and a line."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from taxiway.config import schema
from taxiway.errors import TaxiwayError

Message = Mapping[str, Any]


def message_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What a notification says of a run."""
    keys = ("pipeline", "run_id", "outcome", "failure", "version", "pushed_to")
    evaluation = report.get("evaluation") or {}
    return {key: report.get(key) for key in keys} | {"metrics": evaluation.get("overall", {})}


def notify(config: schema.Notify, message: Message) -> None:
    """Sends a message by the notifier that the config names.

    Raises:
      TaxiwayError: it could not be delivered.
    """
    NOTIFIERS[config.kind](config, message)


def parse(config: str) -> schema.Notify:
    """The notify section from its JSON."""
    adapter: TypeAdapter[schema.Notify] = TypeAdapter(schema.Notify)
    return adapter.validate_json(config)


def _to_no_one(_: schema.NotifyNone, __: Message) -> None:
    return


def _to_file(config: schema.NotifyFile, message: Message) -> None:
    path = Path(config.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(message, sort_keys=True) + "\n")


def _to_webhook(config: schema.NotifyWebhook, message: Message) -> None:
    url = os.environ.get(config.url_env, "").strip()
    if not _is_web_address(url):
        raise TaxiwayError(
            f"the environment variable {config.url_env} holds no http(s) address",
            edit=f"the environment variable {config.url_env}, or notify.url_env",
        )
    request = urllib.request.Request(  # noqa: S310  # the scheme is checked above
        url, json.dumps(message).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=config.timeout_seconds):  # noqa: S310  # as above
            pass
    except (OSError, http.client.HTTPException) as error:
        raise TaxiwayError(
            f"the webhook of {config.url_env} did not take the message: {_reason(error)}",
            edit=f"the environment variable {config.url_env}",
        ) from None


def _is_web_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isascii()


def _reason(error: Exception) -> str:
    """Why the message was not taken; http.client's own errors may quote the secret address."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"HTTP status {error.code}"
    reason = getattr(error, "reason", error)
    return str(reason) if isinstance(reason, OSError) else type(error).__name__


NOTIFIERS: Final[Mapping[str, Callable[[Any, Message], None]]] = {
    "none": _to_no_one,
    "file": _to_file,
    "webhook": _to_webhook,
}
