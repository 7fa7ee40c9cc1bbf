"""Push destinations: where a blessed model goes, one class per `push.kind`.

A new one is a file with a class that has a `kind`, its own keys and `push`, and its name in `Push`.
The Pusher component hands over a SavedModel with its manifest in it, and keeps what `push` gives.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from taxiway.push.bucket import BucketPush
from taxiway.push.folder import FilesystemPush

Push = Annotated[FilesystemPush | BucketPush, Field(discriminator="kind")]
"""The `push` section: every kind of destination."""


def parse(config: str) -> Push:
    """The push section from its JSON."""
    adapter: TypeAdapter[Push] = TypeAdapter(Push)
    return adapter.validate_json(config)


def push_to(place: str) -> Push:
    """The push to a place that is told by its address alone, as the model store is."""
    if "://" in place:
        return BucketPush(kind="bucket", destination=place)
    return FilesystemPush(kind="filesystem", destination=place)
