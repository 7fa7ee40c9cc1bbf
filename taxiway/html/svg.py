"""SVG as part of a page: it says what it shows, and takes its colours from the page.

A picture comes as SVG of its own, with its own colours. Here each colour becomes a class of
style.css, so that light and dark both fit, ids become the page's only ones, and a title and a
description say to those who do not see it what it shows.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

from taxiway.terminal import printable

NAMESPACE: Final = "http://www.w3.org/2000/svg"
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_OF_FONTS: Final = ("font-family", "font-size")
_PLACES: Final = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "d", "width", "height")
_LONG: Final = re.compile(r"\d+\.\d{2,}")
"""Tenths of a pixel are enough."""


def inline(
    root: ET.Element, title: str, description: str, classes: Mapping[str, str], kind: str = "chart"
) -> Markup:
    """An `<svg>` element to stand in a page; its size follows the room that it has.

    Args:
      root: the picture; it is changed. Its width and height become a viewBox.
      title: what it shows, in a few words.
      description: what there is to see, in a sentence or two.
      classes: of style.css, by the colour that an element has.
      kind: class of the whole: `chart`, `spark` or `drawing`.
    """
    number = hashlib.sha256(ET.tostring(root) + title.encode("utf-8", "replace")).hexdigest()[:12]
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if element.text:
            element.text = printable(element.text)
        _dress(element, classes, number)
    width, height = root.attrib.pop("width", ""), root.attrib.pop("height", "")
    if "viewBox" not in root.attrib:
        root.set("viewBox", f"0 0 {width} {height}")
    root.attrib.pop("version", None)
    for own in root.findall("title"):
        root.remove(own)
    for tag, text in (("desc", description), ("title", title)):
        told = ET.Element(tag, id=f"{tag}-{number}")
        told.text = printable(text)
        root.insert(0, told)
    root.set("role", "img")
    root.set("aria-labelledby", f"title-{number} desc-{number}")
    root.set("class", kind)
    if width:
        least = f"min-width: {0.8 * float(width):.0f}px; " if kind == "drawing" else ""
        root.set("style", f"{least}max-width: {float(width):.0f}px")
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704  # ElementTree has escaped it


def parsed(text: str) -> ET.Element:
    """The picture of a text that this program has written itself."""
    return ET.fromstring(text)  # noqa: S314  # no entities: it is of our own making


def _dress(element: ET.Element, classes: Mapping[str, str], number: str) -> None:
    """Classes in the place of colours, and ids that no other picture has."""
    for paint in ("fill", "stroke"):
        colour = element.get(paint, "")
        if colour in classes:
            del element.attrib[paint]
            name = f"{paint}-{classes[colour]}"
            element.set("class", f"{element.get('class', '')} {name}".strip())
    for font in _OF_FONTS:
        element.attrib.pop(font, None)
    for name, value in element.items():
        if name in _PLACES:
            element.set(name, _LONG.sub(lambda found: f"{float(found.group()):.4g}", value))
        elif name == "id":
            element.set(name, f"{value}-{number}")
        elif "url(#" in value:
            element.set(name, _REFERENCE.sub(rf"url(#\1-{number})", value))
