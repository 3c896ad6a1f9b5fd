"""The container image, built step by step from the Dockerfile and run as it says, without a container engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"

pytestmark = [pytest.mark.system, pytest.mark.alone, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Image:
    """The built image and a working container of it."""

    folder: Path

    def buildah(self, *arguments: str | Path) -> list[str | Path]:
        storage = ["--storage-driver", "vfs", "--root", self.folder / "storage", "--runroot", self.folder / "run"]
        return ["buildah", *storage, *arguments]

    def settings(self) -> dict[str, Any]:
        """What the image says of itself: user, environment, entry point, health check."""
        command = self.buildah("inspect", "--type", "image", "localhost/sorter")
        settings: dict[str, Any] = json.loads(_output(command))["Docker"]["config"]
        return settings

    def command(self, *arguments: str | Path, options: tuple[str, ...] = ()) -> list[str | Path]:
        """Run a program in the container, as the image's user, in its folder and environment."""
        return self.buildah("run", "--isolation", "chroot", *options, "sorter", "--", *arguments)


def _output(command: list[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _why_not() -> str | None:
    missing = [program for program in ("buildah", "debootstrap") if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if os.geteuid() != 0:
        return "building an image needs root"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        return "this machine lets nobody mount, and building an image needs that"
    return None


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    why_not = _why_not()
    if why_not:
        pytest.skip(why_not)
    folder = tmp_path_factory.mktemp("image")
    script = ROOT / "tests" / "system" / "build_image.sh"
    try:
        done = subprocess.run(["sh", script, folder], capture_output=True, text=True, check=False, timeout=500)
        assert done.returncode == 0, done.stdout + done.stderr
        yield Image(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def metrics_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def config(tmp_path: Path, mosquitto: Any, metrics_port: int) -> Path:
    """The settings as shipped, with ports of this test's own."""
    folder = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    file = folder / "sorter.yaml"
    text = file.read_text(encoding="utf-8")
    assert "port: 1883 " in text
    assert "port: 9464 " in text
    text = text.replace("port: 1883 ", f"port: {mosquitto.port} ").replace("port: 9464 ", f"port: {metrics_port} ")
    file.write_text(text, encoding="utf-8")
    for path in (tmp_path, folder, *folder.rglob("*")):  # the container's user is a stranger here
        path.chmod(0o755)
    return folder


@dataclass
class Container:
    """A running container: the program that buildah started, and buildah itself."""

    process: subprocess.Popen[str]

    def sorter(self) -> psutil.Process:
        """The sorter itself: buildah, told to stop, kills what it runs, as no engine does."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if child.cmdline()[1:2] == ["run_sorter.py"])

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Exit code and output of a container that is told to stop, within 10 s."""
        self.sorter().send_signal(number)
        output, _ = self.process.communicate(timeout=10)
        return self.process.returncode, output


@pytest.fixture
def on_host(config: Path, metrics_port: int) -> tuple[str, ...]:
    """What a container is given: the settings' directory, and where its health is told."""
    return "--volume", f"{config}:/config:ro", "--env", f"SORTER_HEALTH_URL=http://127.0.0.1:{metrics_port}/healthz"


@pytest.fixture
def container(image: Image, on_host: tuple[str, ...]) -> Iterator[Container]:
    """The image, started as an engine starts it; what still runs at the end of the test is killed."""
    settings = image.settings()
    command = image.command(*settings["Entrypoint"], *settings["Cmd"], options=on_host)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield Container(process)
        if process.poll() is None:
            for left in [*psutil.Process(process.pid).children(recursive=True), process]:
                left.kill()


@pytest.fixture
def reader(mosquitto: Any, read: Callable[..., Any]) -> Any:
    return read(mosquitto.port)


def test_the_image_runs_as_a_stranger_without_rights_or_pip(image: Image) -> None:
    assert image.settings()["User"] == "10001:10001"
    said = _output(image.command("sh", "-c", "id -u; find /app /opt -writable -o -name pip"))
    assert said.split() == ["10001"]


def test_the_entry_point_tells_the_commands(image: Image) -> None:
    assert "check" in _output(image.command(*image.settings()["Entrypoint"], "--help"))


def test_the_image_keeps_nothing_of_the_machine_that_built_it(image: Image) -> None:
    said = _output(image.command("sh", "-c", "cat /etc/pip.conf; ls /run/lent; ls -A /app; env"))
    assert "cert" not in said
    assert {"LICENSE", "calibration", "examples", "run_sorter.py", "sorter"} < set(said.split())
    assert "tests" not in said


def test_the_image_sorts_is_healthy_and_stops_when_told(
    image: Image, on_host: tuple[str, ...], reader: Any, container: Container, wait_for: Callable[..., None]
) -> None:
    settings = image.settings()
    wait_for("a decision arrives from the container", lambda: reader.on("decision"), 30.0)
    _output(image.command(*settings["Healthcheck"]["Test"][1:], options=on_host))
    exit_code, said = container.stop(signal.Signals[settings["StopSignal"]])
    assert exit_code == 0, said
    wait_for("the line is told that the sorter left", lambda: _last_state(reader) == "offline")


def _last_state(reader: Any) -> str:
    return str(json.loads(reader.on("state")[-1].payload)["state"])


def test_an_image_that_does_not_answer_is_unhealthy(image: Image, on_host: tuple[str, ...]) -> None:
    check = image.command(*image.settings()["Healthcheck"]["Test"][1:], options=on_host)
    assert subprocess.run(check, capture_output=True, check=False, timeout=20).returncode == 1
