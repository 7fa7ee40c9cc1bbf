"""What `taxiway doctor` looks at: this machine, and what each target needs of it.

Nothing but the standard library from Python 3.8 on, so that `make doctor` works before there is a
.venv: `python3 -m taxiway.scaffold.doctor`.
"""
