"""Fixtures of the container tests."""

from tests.busybox import busybox_image

__all__ = ["busybox_image"]
