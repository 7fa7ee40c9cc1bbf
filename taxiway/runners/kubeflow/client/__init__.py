"""Talks to the Kubeflow Pipelines API: upload, run, schedule, follow."""
