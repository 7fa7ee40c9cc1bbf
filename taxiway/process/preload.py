"""What the steps import, imported once by the process that workers are forked from.

None of these modules starts a thread when it is imported, so forking after them is safe; and none
may be needed for workers to work, so one that is not installed is left out.
"""

import importlib
from contextlib import suppress

from taxiway.process.lean_imports import lean_imports
from taxiway.process.memory import few_arenas, share_gpu
from taxiway.process.project import enter_project

enter_project()
few_arenas()
share_gpu()
with lean_imports():
    for name in ("tensorflow", "tensorflow_data_validation", "tfx_bsl.coders.example_coder"):
        with suppress(ImportError):
            importlib.import_module(name)
importlib.import_module("taxiway.workers.active")  # which steps import, and configs with it
