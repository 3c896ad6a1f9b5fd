"""Tables of palettes from a real S3 server, over a kill, and on a real Ray cluster."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from PIL import Image
from pyarrow import parquet

from benchmarks.ray_cluster import ray_cluster

pytestmark = [pytest.mark.system, pytest.mark.alone]

ROOT = Path(__file__).parents[2]
OBJECTS = 2000
BAD = 777
"""The object that is no picture."""
KEYS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "one", "AWS_DEFAULT_REGION": "us-east-1"}


def jpeg(number: int) -> bytes:
    file = io.BytesIO()
    color = (number % 256, number // 256 * 30 % 256, 120)
    Image.new("RGB", (24, 16), color).save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.fixture
def s3(tmp_path: Path, wait_for) -> Iterator[str]:
    """A server's address, with a bucket of many pictures and one file that is none."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (tmp_path / "s3.log").open("wb") as log:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for("the server listens", lambda: _listens(port), 30.0)
        address = f"http://127.0.0.1:{port}"
        client = boto3.client(
            "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="one",  # noqa: S106 - of a server of our own
            config=Config(max_pool_connections=8),
        )  # fmt: skip
        client.create_bucket(Bucket="photos")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: _put(client, number), range(OBJECTS)))
        yield address
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _put(client: Any, number: int) -> None:
    body = b"no picture" if number == BAD else jpeg(number)
    client.put_object(Bucket="photos", Key=f"{number % 10}/{number:05}.jpg", Body=body)


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "run_sorter.py"), "palette", *map(str, arguments)]
    quiet = {"RAY_USAGE_STATS_ENABLED": "0"}
    return subprocess.Popen(
        command, env=os.environ | KEYS | quiet, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    return out


def rows(table: Path) -> list[dict[str, Any]]:
    return parquet.read_table(table).to_pylist()


@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_a_bucket_of_thousands_over_a_kill_has_each_picture_once_and_the_bad_one_as_an_error(tmp_path, s3, wait_for):
    out = tmp_path / "palettes.parquet"
    arguments = ("s3://photos/**/*.jpg", "--out", out, "--colors", 3, "--jobs", 2, "--endpoint-url", s3)
    killed = start(*arguments)
    parts = out.with_name(out.name + ".parts")
    wait_for("some of it is done", lambda: any(parts.glob("*.parquet")) or killed.poll() is not None, 60.0)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not out.exists(), "it was killed before it was done"
    finish(start(*arguments))
    made = rows(out)
    assert [one["uri"] for one in made] == sorted({one["uri"] for one in made})
    assert len(made) == OBJECTS
    (bad,) = [one for one in made if one["error"] is not None]
    assert f"{BAD:05}.jpg" in bad["uri"]
    assert all(one["hex"] and one["sha256"] for one in made if one is not bad)


@pytest.mark.timeout(240)
@pytest.mark.filterwarnings("default")
def test_a_ray_cluster_of_two_nodes_makes_the_same_table_as_this_machine_alone(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}.jpg").write_bytes(jpeg(number * 5))
    (folder / "13.jpg").write_bytes(b"no picture")
    local, daft, ray = (tmp_path / f"{engine}.parquet" for engine in ("local", "daft", "ray"))
    finish(start(folder, "--out", local, "--jobs", 2))
    finish(start(folder, "--out", daft, "--jobs", 2, "--engine", "daft"))
    with ray_cluster() as address:
        finish(start(folder, "--out", ray, "--jobs", 2, "--engine", "daft", "--ray-address", address))
    assert rows(local) == rows(daft) == rows(ray)
    assert len(rows(local)) == 40
