"""The application: palettes of pictures that are sent, named by path, or named by address."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Form, Query, Request, UploadFile
from fastapi.middleware.cors import CORSMiddleware

from sorter import __version__
from sorter.palette.addresses import Limits, download
from sorter.palette.public_address import LONGEST_URL, AddressRefusedError
from sorter.server.bounds import END_S, Bounds, SecurityHeaders
from sorter.server.documentation import add_documentation
from sorter.server.folder import read_under
from sorter.server.messages import REFUSALS, Colors, Count, Format, Question, ShownPalette
from sorter.server.reading import ReadColors, Reading
from sorter.server.refusals import add_refusals
from sorter.server.threads import in_thread
from sorter.server.workers import Workers, workers_wanted
from sorter.settings.palettes import ServerSettings

Fetch = Callable[[str, Limits], bytes]
_ABOUT = 'The predominant colors of any picture. Every error is `{"detail": "one sentence"}`.'


class _Desk:
    """Where a picture comes from, and who looks at it."""

    def __init__(self, settings: ServerSettings, fetch: Fetch, read: ReadColors | None) -> None:
        self._settings = settings
        self._fetch = fetch
        self._max_bytes = settings.max_mb * 1_000_000
        self._folder = None if settings.folder is None else Path(settings.folder)
        self.read = read
        """None until the application starts."""

    async def of_address(self, url: str, colors: int, end_s: float) -> Reading:
        if not self._settings.allow_urls:
            raise AddressRefusedError("addresses are not visited here: send the picture itself")
        left_s = max(end_s - time.monotonic(), 0.001)
        limits = Limits(self._max_bytes, left_s, ports=self._settings.url_ports)
        return await self.of_bytes(await in_thread(lambda: self._fetch(url, limits), end_s), colors, end_s)

    async def of_path(self, path: str, colors: int, end_s: float) -> Reading:
        content = await in_thread(lambda: read_under(self._folder, path, self._max_bytes), end_s)
        return await self.of_bytes(content, colors, end_s)

    async def of_bytes(self, content: bytes, colors: int, end_s: float) -> Reading:
        read = self.read
        if read is None:
            raise TimeoutError
        return await in_thread(lambda: read(content, colors, end_s), end_s)


def make_app(
    settings: ServerSettings,
    *,
    routers: Sequence[APIRouter] = (),
    fetch: Fetch = download,
    read: ReadColors | None = None,
) -> FastAPI:
    """The application.

    Args:
        settings: with ``folder`` as it is meant from here: nothing is put before it.
        routers: more endpoints, whose paths begin with /api/ so that the same bounds hold.
        fetch: gets what lies at an address.
        read: looks at pictures; None: processes of its own, from the application's start to its end.
    """
    desk = _Desk(settings, fetch, read)

    @asynccontextmanager
    async def while_running(_app: FastAPI) -> AsyncIterator[None]:
        if read is not None:
            yield
            return
        workers = desk.read = Workers(workers_wanted(settings.workers))
        try:
            yield
        finally:
            await asyncio.to_thread(workers.close)

    app = FastAPI(
        title="Palette server",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=while_running,
    )
    add_documentation(app)
    add_refusals(app)
    app.include_router(_palettes(desk), responses=REFUSALS)
    for router in routers:
        app.include_router(router, responses=REFUSALS)
    app.add_middleware(Bounds, settings=settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type"],
        )
    app.add_middleware(SecurityHeaders)
    return app


def _palettes(desk: _Desk) -> APIRouter:
    router = APIRouter(tags=["palettes"])

    @router.post("/api/colors", summary="Colors of a picture by its address or path")
    async def colors(question: Question, request: Request) -> Colors:
        """The predominant colors, largest share first."""
        look = desk.of_address if "://" in question.url_or_path else desk.of_path
        return _colors(await look(question.url_or_path, question.num_clusters, request.scope[END_S]))

    @router.post("/api/colors/upload", summary="Colors of a picture that is sent along")
    async def colors_of_upload(
        file: UploadFile, request: Request, num_clusters: Annotated[Count, Form()] = 4
    ) -> Colors:
        """The predominant colors, largest share first; whatever name and type the file is sent with."""
        return _colors(await desk.of_bytes(await file.read(), num_clusters, request.scope[END_S]))

    @router.get("/api/palette", summary="A palette in the form wanted")
    async def palette(
        image_url: Annotated[
            str, Query(min_length=1, max_length=LONGEST_URL, description="An http:// or https:// address.")
        ],
        request: Request,
        n: Annotated[Count, Query()] = 4,
        format: Annotated[Format, Query(description="rgb, hex or coolors.")] = Format.RGB,  # noqa: A002 - of the API
    ) -> ShownPalette:
        """The palette of a picture at an address, where the server allows addresses."""
        return _shown(await desk.of_address(image_url, n, request.scope[END_S]), format)

    @router.get("/healthz", summary="Whether the server runs", tags=["health"])
    async def healthz() -> dict[str, bool]:
        """Answers for as long as it does."""
        return {"ok": True}

    return router


def _colors(reading: Reading) -> Colors:
    return Colors.model_validate({"predominant_colors": reading.predominant_colors})


def _shown(reading: Reading, wanted: Format) -> ShownPalette:
    if wanted is Format.COOLORS:
        return ShownPalette(palette=reading.coolors)
    if wanted is Format.HEX:
        return ShownPalette(palette=reading.hex)
    channels = [one["color"] for one in reading.predominant_colors]
    return ShownPalette(palette=[(one["R"], one["G"], one["B"]) for one in channels])
