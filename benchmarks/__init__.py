"""Stock TFX against Taxiway: the same rows through both, timed, and held against each other."""
