"""Runs on this machine, with Beam as the orchestrator."""
