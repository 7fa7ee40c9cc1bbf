"""`python -m taxiway` is `taxiway`."""

from taxiway.cli.main import main

main()
