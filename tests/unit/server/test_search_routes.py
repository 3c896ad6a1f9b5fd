"""``GET /api/search``, in an application made here."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sorter.archive.search import PaletteIndex
from sorter.color.lab import rgb_to_lab
from sorter.server.search_routes import router

INDEX = PaletteIndex.of(
    ["red.jpg", "both.jpg"],
    [1, 2],
    [rgb_to_lab(192, 57, 43), rgb_to_lab(0, 128, 128), rgb_to_lab(192, 57, 43)],
    [1.0, 0.6, 0.4],
)
APP = FastAPI()
APP.include_router(router(INDEX))


def get(**query: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=APP)
        async with httpx.AsyncClient(transport=transport, base_url="http://archive") as client:
            return await client.get("/api/search", params=query)

    return asyncio.run(ask())


def test_pictures_with_a_color_are_answered_best_first():
    answer = get(color="c0392b").json()
    assert answer["total"] == 2
    assert [(one["uri"], one["score"]) for one in answer["found"]] == [("red.jpg", 1.0), ("both.jpg", 0.4)]
    assert answer["wanted"][0]["hex"] == "#c0392b"
    assert answer["wanted"][0]["tolerance"] == 8


def test_several_colors_their_shares_and_the_limit_are_obeyed():
    answer = get(color=["#c0392b", "teal:0.5"], tolerance=2, min_share=0.1, limit=1).json()
    assert [one["uri"] for one in answer["found"]] == ["both.jpg"]
    assert get(color="teal:0.7").json()["total"] == 0
    assert len(get(color="c0392b", limit=1).json()["found"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"color": "rde"},
        {"color": "x" * 65},
        {"color": ["red"] * 17},
        {"color": "red", "tolerance": 31},
        {"color": "red", "tolerance": "nan"},
        {"color": "red", "min_share": 1.1},
        {"color": "red", "limit": 0},
        {"color": "red", "limit": 1001},
    ],
)
def test_what_is_out_of_bounds_is_refused_with_its_reason(query):
    response = get(**query)
    assert response.status_code == 422
    assert response.json()["detail"]


def test_the_route_describes_itself():
    (route,) = APP.openapi()["paths"].values()
    assert {one["name"] for one in route["get"]["parameters"]} == {"color", "tolerance", "min_share", "limit"}
