"""Every no as a status and one sentence, without anything of the server's own in it."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from sorter.errors import SorterError, SourceError, UsageError
from sorter.palette.addresses import DownloadFailedError, DownloadTooLargeError, DownloadTooSlowError
from sorter.palette.pictures import PictureTooLargeError
from sorter.palette.public_address import AddressMistakenError, AddressRefusedError
from sorter.server.folder import NoSuchPictureError, PathRefusedError
from sorter.server.reading import ReadingTooSlowError

_STATUS: dict[type[SorterError], int] = {
    AddressMistakenError: 400,
    AddressRefusedError: 403,
    PathRefusedError: 403,
    NoSuchPictureError: 404,
    DownloadTooLargeError: 413,
    PictureTooLargeError: 413,
    DownloadFailedError: 502,
    DownloadTooSlowError: 504,
    ReadingTooSlowError: 504,
    UsageError: 422,
    SourceError: 415,
}


def add_refusals(app: FastAPI) -> None:
    """Answer all errors of the application as ``{"detail": sentence}``."""

    @app.exception_handler(SorterError)
    async def told(_request: Request, error: SorterError) -> JSONResponse:
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
        return _answer(status, str(error))

    @app.exception_handler(TimeoutError)
    async def too_slow(_request: Request, _error: TimeoutError) -> JSONResponse:
        return _answer(504, "the picture was not read in time")

    @app.exception_handler(RequestValidationError)
    async def mistaken(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        if any(one["type"] == "json_invalid" for one in found):
            return _answer(400, "the request's body is no JSON")
        if any(one["type"] == "model_attributes_type" for one in found):
            return _answer(422, "the request's body must be a JSON object, sent with Content-Type: application/json")
        return _answer(422, "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in found[:5]))

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        sentence = error.detail or HTTPStatus(error.status_code).phrase
        return JSONResponse({"detail": sentence}, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def fault(_request: Request, _error: Exception) -> JSONResponse:
        return _answer(500, "a fault of this program: please report it, with what its log tells")


def _answer(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status)


def _place(location: tuple[int | str, ...]) -> str:
    # An unknown key is the client's own text.
    return ".".join(str(part)[:64] for part in location[1:]) or "the request's body"
