"""`python -m pipelines` is `taxiway`."""

from pipelines.cli import main

main()
