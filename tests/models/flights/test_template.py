"""What the template asks of every model's data, features, model and pipeline, of the flights."""

from taxiway.testing.checks.test_data import *
from taxiway.testing.checks.test_features import *
from taxiway.testing.checks.test_model import *
from taxiway.testing.checks.test_pipeline import *

MODEL = "smoke"
