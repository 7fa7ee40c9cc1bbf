"""The tests themselves, to run by name or to import into a project's own.

`python -m taxiway.testing NAME` runs them on the model of `configs/NAME.yaml`. To have them among
a project's own tests, a file such as `tests/models/mine/test_template.py` says

    from taxiway.testing.checks.test_data import *
    from taxiway.testing.checks.test_features import *
    from taxiway.testing.checks.test_model import *
    from taxiway.testing.checks.test_pipeline import *

    MODEL = "mine"

and `tests/conftest.py` says `pytest_plugins = ["taxiway.testing.plugin"]`.
"""
