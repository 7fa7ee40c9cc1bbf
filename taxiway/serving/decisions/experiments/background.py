"""Has one gateway of all act on experiments, in a process that reads the log beside it.

The gateway's own process neither imports Arrow nor waits for it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from taxiway.delivery.experiment.records import running
from taxiway.delivery.lease import give_lease_back, take_lease

if TYPE_CHECKING:
    from taxiway.registry.database.session import Database

EVERY_SECONDS: Final = 60.0
"""Between two looks at the experiments of an environment."""
LONGEST_SECONDS: Final = 600.0
"""After which a look is given up."""
_PROGRAM: Final = "taxiway.serving.decisions.experiments"


class AutoExperiments:
    """A turn of the gateway's controller: starts the program, and looks whether it has ended.

    Args:
      database: the registry.
      gateway: id of this one.
      environment: of its routes.
      root: of the log.
      window_hours: `serving.log.reward_window_hours`.
      lease_seconds: for how long the experiments are this gateway's.
      every: seconds between two looks.
      clock: that seconds are counted by; tests bring their own.
    """

    def __init__(
        self,
        database: Database,
        gateway: str,
        environment: str,
        root: str,
        window_hours: float,
        lease_seconds: float,
        every: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._environment = environment
        self._asked = json.dumps(
            {
                "registry": database.settings.model_dump(mode="json"),
                "environment": environment,
                "root": root,
                "window_hours": window_hours,
            }
        )
        self._lease_seconds = lease_seconds
        self._every = every
        self._clock = clock
        self._next = 0.0
        self._began = 0.0
        self._process: subprocess.Popen[str] | None = None
        self._held = False
        self._trouble: dict[str, str] = {}

    @property
    def lease(self) -> str:
        """The name of the lease under which experiments are acted on."""
        return f"experiments:{self._environment}"

    def look(self) -> Mapping[str, str]:
        """Begins a look, or goes on with one; what it could not do, by what it is of."""
        if self._process is not None:
            if self._process.poll() is not None:
                self._ended(self._process)
            elif self._clock() - self._began > LONGEST_SECONDS:
                self._stop()
                self._trouble = {self.lease: f"a look took more than {LONGEST_SECONDS:g} s"}
            else:
                self._holds()
        elif self._clock() >= self._next:
            self._next = self._clock() + self._every
            if self._has_work() and self._holds():
                self._start()
        return self._trouble

    def give_back(self) -> None:
        """Ends a look, and lets another gateway go on."""
        self._stop()
        if self._held:
            with self._database.working() as connection:
                give_lease_back(connection, self.lease, self._gateway)

    def _has_work(self) -> bool:
        with self._database.reading() as connection:
            found = running(connection, self._environment)
        return any(one.design.auto for one in found)

    def _holds(self) -> bool:
        with self._database.working() as connection:
            self._held = take_lease(connection, self.lease, self._gateway, self._lease_seconds)
        return self._held

    def _start(self) -> None:
        self._began = self._clock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", _PROGRAM], stdin=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(self._asked)

    def _ended(self, process: subprocess.Popen[str]) -> None:
        code = process.returncode
        self._process = None
        self._trouble = {self.lease: f"a look ended with {code}; its log says why"} if code else {}

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
