"""`python3 -m taxiway.scaffold.doctor [TARGET]`: the same as `taxiway doctor`, without a .venv."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from taxiway.scaffold.doctor.probe import look
from taxiway.scaffold.doctor.targets import DEFAULT, TARGETS, lines, to_json, works


def main() -> int:
    """Prints the table; the exit code is 0 where the target works, else 1."""
    parser = argparse.ArgumentParser(prog="make doctor", description="Say what is missing here.")
    parser.add_argument("target", nargs="?", default="", choices=["", *TARGETS])
    parser.add_argument("--endpoint", default="", help="a Kubeflow to ask whether it answers")
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")
    given = parser.parse_args()
    targets = [given.target] if given.target else list(TARGETS)
    machine = look(Path.cwd(), endpoint=given.endpoint)
    told = to_json(machine, targets)
    text = json.dumps(told, indent=2) if given.json else "\n".join(lines(machine, targets))
    sys.stdout.write(f"{text}\n")
    return 0 if works(machine, given.target or DEFAULT) else 1


if __name__ == "__main__":
    sys.exit(main())
