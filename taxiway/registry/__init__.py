"""What Taxiway itself knows: model versions, approvals, audit, deployments, runs, an outbox.

One database (`database/`), of the kind that the config's `registry` section names (`section.py`).
"""
