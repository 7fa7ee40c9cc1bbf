"""Where a version's bytes are, and whether they are still those that were registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from sqlalchemy import Connection, select

from taxiway.errors import ConfigError, TaxiwayError
from taxiway.process.manifest import MANIFEST_FILE, digest, verify
from taxiway.push.bucket import manifest_by_gfile
from taxiway.registry.database.tables import deployments
from taxiway.registry.versions.records import ModelVersion


def places(connection: Connection, version: ModelVersion, first: str = "") -> list[str]:
    """Every place that a version was ever put to, the likeliest first; some may be gone.

    Args:
      first: a place to look at before the others.
    """
    served = (
        select(deployments.c.place)
        .where(deployments.c.model == version.candidate.model)
        .where(deployments.c.version == version.name)
        .order_by(deployments.c.id.desc())
    )
    candidate = version.candidate
    known = [first, candidate.pushed_to, candidate.artifact_uri]
    return [*dict.fromkeys(filter(None, [*known, *connection.execute(served).scalars()]))]


def check(version: ModelVersion, place: str) -> None:
    """Holds what is at a place against what was registered under a version.

    Of a folder every file is read; of a bucket the manifest is, and each file is looked for.

    Raises:
      TaxiwayError: it is gone, or is not that version whole.
    """
    if "://" in place:
        text = manifest_by_gfile(place)
        if not text:
            raise TaxiwayError(f"{place} is gone, or not whole")
    else:
        if not Path(place).is_dir():
            raise TaxiwayError(f"{place} is gone")
        verify(Path(place))
        text = (Path(place) / MANIFEST_FILE).read_text(encoding="utf-8")
    if digest(text) != version.candidate.model_digest:
        raise TaxiwayError(f"{place} is another model than {version.subject}, by its manifest")


def first_whole(
    version: ModelVersion, looked_at: Iterable[str], usable: Callable[[str], str] = lambda _: ""
) -> str:
    """The first place that holds a version whole.

    Args:
      looked_at: see `places`.
      usable: why a place cannot be copied from; empty where it can.

    Raises:
      ConfigError: `usable` did.
      TaxiwayError: none does; with what is wrong with each.
    """
    wrong = []
    for place in looked_at:
        try:
            reason = usable(place)
            if not reason:
                check(version, place)
                return place
        except ConfigError:
            raise
        except (TaxiwayError, OSError) as error:
            reason = error.message if isinstance(error, TaxiwayError) else f"{place}: {error}"
        wrong.append(reason)
    told = "; ".join(wrong) or "no place of it is known"
    raise TaxiwayError(
        f"{version.subject} is nowhere whole, and run {version.candidate.run_id} made it: {told}"
    )
