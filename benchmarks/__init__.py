"""Stock TFX against Taxiway: the same rows through both, timed, and compared."""
