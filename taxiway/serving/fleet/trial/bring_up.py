"""From a folder to a version that may have traffic: verified, loaded, warmed up, tested."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from taxiway.modeling.names import COLUMNS
from taxiway.serving.backend.loaded import LoadedVersion
from taxiway.serving.fleet.backends import Load, load
from taxiway.serving.fleet.served_version import ServedVersion
from taxiway.serving.fleet.trial.rows import Rows, find_rows
from taxiway.serving.fleet.trial.verify import verify
from taxiway.serving.fleet.trial.warm_up import run_smoke_tests, warm_up
from taxiway.serving.requests.ask import Signature

if TYPE_CHECKING:
    from taxiway.config.schema import Config
    from taxiway.registry.database.session import Database


class Trial:
    """What every version goes through; see `life.BringUp`.

    Args:
      config: of the gateway. Its smoke tests, input spans and allowed operations are those of its
        own model; of others the gateway knows the decision log only.
      database: the registry.
      load: by which a version is loaded; tests bring their own.
    """

    def __init__(self, config: Config, database: Database, load: Load = load) -> None:
        self._config = config
        self._database = database
        self._load = load

    async def bring_up(self, served: ServedVersion) -> LoadedVersion:
        """Takes one version through it; whatever ends it early ends the worker too.

        Raises:
          TaxiwayError: why it is not ready.
        """
        await asyncio.to_thread(verify, self._database, served.subject, served.place)
        loaded = await self._load(served, self._config)
        try:
            await self._try(served, loaded)
        except BaseException:
            await asyncio.shield(loaded.close())
            raise
        return loaded

    async def _try(self, served: ServedVersion, loaded: LoadedVersion) -> None:
        serving = self._config.serving
        is_own = served.model == self._config.model.name
        tests = serving.smoke_tests if is_own else ()
        rows = Rows({}, "examples without features", real=False)
        if COLUMNS in loaded.signatures and serving.warm_up.rows:
            signature = loaded.signatures[COLUMNS]
            rows = await asyncio.to_thread(self._rows, served.model, signature)
        served.rows_of = rows.told
        served.example = {name: values[0] for name, values in rows.columns.items() if values}
        await warm_up(loaded, rows, serving)
        await run_smoke_tests(loaded, tests, serving.limits.call_seconds)

    def _rows(self, model: str, signature: Signature) -> Rows:
        serving, is_own = self._config.serving, model == self._config.model.name
        return find_rows(
            signature,
            serving.warm_up.rows,
            smoke_tests=serving.smoke_tests if is_own else (),
            data=self._config.data if is_own else None,
            decisions=Path(serving.log.root) / model,
        )
