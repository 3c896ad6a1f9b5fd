"""Other color tools answer the benchmarks from their own environment, wherever it can be made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.peers.process import PeerError, Peers, open_peers
from benchmarks.peers.venv import peers_python
from benchmarks.ways import FASTEST_PEER

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    try:
        python = peers_python()
    except PeerError as error:
        pytest.skip(str(error))
    with open_peers(python) as opened:
        yield opened


def test_every_tool_reads_the_color_that_fills_a_crop(peers: Peers) -> None:
    noise = np.random.default_rng(1).integers(-8, 9, (60, 80, 3))
    crop = (np.array([44, 32, 200]) + noise).astype(np.uint8)
    assert FASTEST_PEER in peers.ways
    for way in peers.ways:
        answer = peers.ask(way, crop)
        assert np.abs(np.array(answer.rgb) - (200, 32, 44)).max() <= 10, way
        assert 0 < answer.took_s < 10


def test_a_tool_that_fails_ends_in_one_sentence() -> None:
    try:
        python = peers_python()
    except PeerError as error:
        pytest.skip(str(error))
    with open_peers(python) as opened, pytest.raises(PeerError, match="exit code 1; its last words: KeyError"):
        opened.ask("no such way", np.zeros((4, 4, 3), np.uint8))
