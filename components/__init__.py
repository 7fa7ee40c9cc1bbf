"""One folder per component: its TFX face, and its logic as pure functions that never import TFX."""
