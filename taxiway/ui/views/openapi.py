"""The OpenAPI document, and a page of it that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from taxiway.ui.pages import Pages


class Operation(BaseModel):
    """One thing that programs can ask.

    Args:
      method: of HTTP.
      path: with its parameters in braces.
      says: what it is for.
      parameters: of the path and the query, each with what it means.
      body: of what the request's body is made.
    """

    method: str
    path: str
    says: str
    parameters: list[dict[str, Any]]
    body: list[str]


class Operations(BaseModel):
    """All of them; `/openapi.json` has them for programs."""

    operations: list[Operation]


Document = Callable[[], dict[str, Any]]


def add(pages: Pages, document: Document) -> None:
    """Adds `/openapi.json` and `/api`.

    Args:
      pages: that views are added to.
      document: gives the OpenAPI document.
    """

    def openapi() -> Response:
        return JSONResponse(document())

    def api() -> Operations:
        """What programs can ask."""
        return Operations(operations=_operations(document()))

    pages.router.add_api_route("/openapi.json", openapi, methods=["GET"], include_in_schema=False)
    pages.add("/api", "api.html", api)


def _operations(document: dict[str, Any]) -> list[Operation]:
    schemas = document.get("components", {}).get("schemas", {})
    return [
        Operation(
            method=method.upper(),
            path=path,
            says=str(about.get("description") or about.get("summary") or ""),
            parameters=about.get("parameters", []),
            body=_body(about, schemas),
        )
        for path, methods in document["paths"].items()
        for method, about in methods.items()
    ]


def _body(about: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    content = about.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]
    return list(schemas.get(name, {}).get("properties", {}))
