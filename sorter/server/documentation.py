"""Swagger UI, from files that are installed here: no page of ours loads anything from elsewhere."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Palette server</title>
<link rel="icon" href="/docs/files/favicon-32x32.png">
<link rel="stylesheet" href="/docs/files/swagger-ui.css">
</head>
<body>
<noscript>This page needs JavaScript; the description itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<div id="swagger-ui"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# A validator would be asked elsewhere.
_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
  tryItOutEnabled: true,
});
"""


def add_documentation(app: FastAPI) -> None:
    """Serve Swagger UI at /docs."""
    # Imported by its name: the package has no types.
    files: Path = import_module("swagger_ui_bundle").swagger_ui_path

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    @app.get("/docs/start.js", include_in_schema=False)
    def start() -> Response:
        return Response(_START, media_type="text/javascript")

    app.mount("/docs/files", StaticFiles(directory=files), name="swagger-ui")
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign] # FastAPI's own way to change it


def _schema(app: FastAPI) -> dict[str, Any]:
    """As OpenAPI 3.0: the Swagger UI that is packaged for Python knows no 3.1."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        schema["openapi"] = "3.0.3"
        for model in schema["components"]["schemas"].values():
            for one in model.get("properties", {}).values():
                if one.pop("contentMediaType", None):
                    one["format"] = "binary"
        app.openapi_schema = schema
    return app.openapi_schema
