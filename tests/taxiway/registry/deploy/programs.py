"""What tests kill in the middle: the command line, with all that it uses imported before."""

from __future__ import annotations

import sys

from taxiway.cli.main import main
from taxiway.config import loader
from taxiway.registry.deploy import deployer, rollback

IMPORTED = (loader, deployer, rollback)


def command(*arguments: str) -> None:
    """A `taxiway` command."""
    sys.argv = ["taxiway", *arguments]
    main()
