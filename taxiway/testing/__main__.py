"""`python -m taxiway.testing NAME`: the template's tests, and its own, of one model."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from taxiway.errors import EXIT_WRONG_USAGE, ConfigError

CHECKS = "taxiway.testing.checks"
PLUGIN = "taxiway.testing.plugin"


def main(arguments: Sequence[str]) -> int:
    """Runs pytest; what comes after the name are its options.

    Returns:
      pytest's exit code, or 2 where there is no such model.
    """
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m taxiway.testing NAME [options of pytest]\n")
        return EXIT_WRONG_USAGE
    from taxiway.process.project import enter_project

    enter_project()
    from taxiway.testing.asked import load_asked, own_tests

    name, *options = arguments
    try:
        own = own_tests(load_asked(name))
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_WRONG_USAGE
    import pytest

    folders = [str(own)] if own else []
    # In one word, as pytest takes a path that stands alone for one with tests.
    command = ["-p", PLUGIN, "--pyargs", CHECKS, *folders, f"--model={name}", *options]
    return int(pytest.main(command))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
