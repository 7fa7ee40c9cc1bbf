"""Kubeflow Pipelines: the compiler, the client, and what a task runs."""
