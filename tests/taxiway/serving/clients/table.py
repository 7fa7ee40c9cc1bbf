"""Writes docs/reference/serving-clients.md from the list of cases.

python -m tests.taxiway.serving.clients.table
"""

from __future__ import annotations

from typing import Final

from tests.conftest import REPOSITORY
from tests.taxiway.serving.clients.cases import CASES, CLIENTS, MOST_ROWS, Case, Client, Refused

PAGE: Final = REPOSITORY / "docs/reference/serving-clients.md"

_HEAD: Final = (
    "# Clients of the gateway\n\n"
    "What `taxiway serve` answers to the clients that people have. Written from the list in "
    "`tests/taxiway/serving/clients/cases.py` by `python -m tests.taxiway.serving.clients.table`; "
    "the tests beside it ask all of this of a gateway that runs, with a real model in a worker, "
    "and hold every number to 1e-6.\n\n"
    "The gateway serves two versions of a model, the first of them `1.0.0`, as numbers 1 and 2. "
    "The second one has the traffic, the first one the label `champion`. It takes "
    f"{MOST_ROWS:,} rows in one request.\n"
)


_HERE: Final = "the lock"
_ELSEWHERE: Final = "`make clients`"


def page() -> str:
    """The whole page."""
    parts = [_HEAD, _clients(), _cases(), _cannot()]
    return "\n".join(parts)


def _clients() -> str:
    rows = [
        f"| {client.name} | {client.told} | {_ELSEWHERE if client.elsewhere else _HERE} |"
        for client in CLIENTS
    ]
    return "\n".join(["| client | what it speaks | where it is from |", "|---|---|---|", *rows, ""])


def _cases() -> str:
    head = "| case | answer | " + " | ".join(client.name for client in CLIENTS) + " |"
    rows = [
        f"| {case.name} | {case.shown} | "
        + " | ".join(_cell(case, client) for client in CLIENTS)
        + " |"
        for case in CASES
    ]
    return "\n".join([head, "|---|---|" + "---|" * len(CLIENTS), *rows, ""])


def _cell(case: Case, client: Client) -> str:
    if case.name in client.cannot:
        return "n/a"
    return client.code(case.expected) if isinstance(case.expected, Refused) else "yes"


def _cannot() -> str:
    reasons: dict[str, list[str]] = {}
    for client in CLIENTS:
        for why in dict.fromkeys(client.cannot.values()):
            reasons.setdefault(why, []).append(client.name)
    lines = [f"- {', '.join(names)}: {why}." for why, names in reasons.items()]
    return "\n".join(["Where it says n/a, the client cannot ask:", "", *lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page())
