"""Notifiers: who hears how a run ended, one class per `notify.kind`.

A new one is a class with a `kind`, its own keys and `send`, and its name in `Notify` at the end.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from taxiway.errors import TaxiwayError
from taxiway.section import EnvName, Frozen, Seconds

Message = Mapping[str, Any]


def message_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What a notification says of a run.

    Its `id` is the same wherever this end of the run is told again, as by an exit task that was
    killed and tried anew, so that a receiver knows it; a run that is resumed ends under another.
    """
    keys = ("pipeline", "run_id", "outcome", "failure", "version", "pushed_to")
    evaluation = report.get("evaluation") or {}
    return {
        "id": f"{report.get('run_id')}:{report.get('last_execution', 0)}",
        **{key: report.get(key) for key in keys},
        "metrics": evaluation.get("overall", {}),
    }


class Notifier(Frozen):
    """Base of all kinds."""

    @abstractmethod
    def send(self, message: Message) -> None:
        """Delivers a message.

        Raises:
          TaxiwayError: it could not be delivered.
        """


class NotifyNone(Notifier):
    """Notify no one."""

    kind: Literal["none"]

    def send(self, message: Message) -> None:
        """Does nothing."""


class NotifyFile(Notifier):
    """Append one JSON line per end of a run to a file."""

    kind: Literal["file"]
    path: str = ""
    """Empty means `<output.root>/notifications.jsonl`."""

    def send(self, message: Message) -> None:
        """Appends a line, unless it is there; the folder is made where it is missing."""
        path = Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(message, sort_keys=True).encode()
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            last = b"\n"
            for last in file:
                if last.rstrip(b"\n") == line:
                    return
            begin = b"" if last.endswith(b"\n") else b"\n"  # its writer was killed in it
            file.write(begin + line + b"\n")


class NotifyWebhook(Notifier):
    """POST the summary as JSON; the address is a secret and stays in the environment.

    A message that is sent again, since nobody knows whether it arrived, has the same `id` and
    `Idempotency-Key` header.
    """

    kind: Literal["webhook"]
    url_env: EnvName = "TAXIWAY_WEBHOOK_URL"
    """Environment variable that holds the address."""
    timeout_seconds: Seconds = 10.0
    """How long the receiver may take to answer."""

    def send(self, message: Message) -> None:
        """Sends one request; any status below 400 counts as delivered."""
        url = os.environ.get(self.url_env, "").strip()
        if not _is_web_address(url):
            raise TaxiwayError(
                f"the environment variable {self.url_env} holds no http(s) address",
                edit=f"the environment variable {self.url_env}, or notify.url_env",
            )
        request = urllib.request.Request(  # noqa: S310  # the scheme is checked above
            url, json.dumps(message).encode(), _headers(message), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_seconds):  # noqa: S310  # as above
                pass
        except (OSError, http.client.HTTPException) as error:
            raise TaxiwayError(
                f"the webhook of {self.url_env} did not take the message: {_reason(error)}",
                edit=f"the environment variable {self.url_env}",
            ) from None


Notify = Annotated[NotifyNone | NotifyFile | NotifyWebhook, Field(discriminator="kind")]
"""The `notify` section: every kind of notifier."""


def parse(config: str) -> Notify:
    """The notify section from its JSON."""
    adapter: TypeAdapter[Notify] = TypeAdapter(Notify)
    return adapter.validate_json(config)


def _headers(message: Message) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if "id" in message:
        headers["Idempotency-Key"] = str(message["id"])
    return headers


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
