"""DataGate: what the validators found decides whether a run goes on."""
