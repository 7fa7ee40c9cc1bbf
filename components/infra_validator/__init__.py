"""InfraValidator: a trial of the exported model in the worker process that will serve it."""
