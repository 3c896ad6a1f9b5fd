"""The service on test cameras: reels, RTSP server with a password, cables, broker, and a reader of the wire."""

from __future__ import annotations

import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.belt import BenchBelt
from benchmarks.camera.process import CameraServer, Login
from benchmarks.camera.proxy import Proxy
from benchmarks.camera.truth import BeltTruth, Interval, WireDecision, WireScore
from benchmarks.processes import Started, free_port, run_sorter, write_settings
from benchmarks.wire import Seen, Wire
from sorter.demo.broker import start_broker
from sorter.errors import SorterError
from sorter.settings.site import LineSettings, MetricsSettings, ProductSettings, Region, RtspSource

LOGIN = Login("viewer", "benches:2@night/")
_POLL_S = 0.01
_START_S = 40.0


def live_belt(size_px: tuple[int, int], rate_hz: float, lead_in_s: float) -> BenchBelt:
    """The belt of ``config/sorter.yaml`` in another picture; what the settings give in pixels grows with it.

    Args:
        size_px: width and height of the picture.
        rate_hz: pictures a second.
        lead_in_s: empty belt at the start; products that pass while the belt is learned are decided late by design.
    """
    width_px, height_px = size_px
    belt = BenchBelt.of_config()
    scale = width_px / belt.source.width_px
    size = {"width_px": width_px, "height_px": height_px, "mm_per_px": belt.source.mm_per_px / scale}
    belt = belt.with_source(**size, frame_rate_hz=rate_hz, lead_in_s=lead_in_s)
    rails_px = height_px // 20
    changes = {
        "region": Region(x=0, y=rails_px, width=width_px, height=height_px - 2 * rails_px),
        "product": ProductSettings(min_length_px=belt.line.product.min_length_px * scale),
    }
    return BenchBelt(belt.line.model_copy(update=changes), belt.source, belt.recipe)


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything that runs, and what was seen of it."""

    belt: BenchBelt
    truth: BeltTruth
    server: CameraServer
    cables: Mapping[str, Proxy]
    """By line."""
    wire: Wire
    service: Started
    metrics_port: int

    @property
    def epoch_s(self) -> float:
        """When picture 0 was taken, `time.monotonic`."""
        assert self.server.epoch_s is not None  # noqa: S101  # it was started
        return self.server.epoch_s

    @property
    def now_s(self) -> float:
        """Seconds of the belt, now."""
        return time.monotonic() - self.epoch_s

    def wait_until(self, belt_s: float) -> None:
        """Wait for a time of the belt.

        Raises:
            SorterError: the service ended meanwhile.
        """
        while (left_s := belt_s - self.now_s) > 0:
            if self.service.process.poll() is not None:
                raise self.service.failed()
            time.sleep(min(left_s, 1.0))

    def wait_for(self, what: str, true: Callable[[], object], timeout_s: float = _START_S) -> None:
        """Wait until it is true.

        Raises:
            SorterError: it did not come true in time, or the service ended.
        """
        end_s = time.monotonic() + timeout_s
        while not true():
            if self.service.process.poll() is not None:
                raise self.service.failed()
            if time.monotonic() > end_s:
                raise SorterError(f"waited {timeout_s:g} s in vain: {what}; {self.service.failed()}")
            time.sleep(_POLL_S)

    def processes(self) -> tuple[psutil.Process, list[psutil.Process]]:
        """The service's process, and those of its lines."""
        service = psutil.Process(self.service.process.pid)
        return service, [child for child in service.children() if _is_line(child)]

    def metric(self, name: str, **labels: str) -> float:
        """One sample of the service's metrics; 0 where it has none yet."""
        # The service that was just started, on loopback.
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return 0.0

    def states(self, line: str) -> list[Seen]:
        """All states of a line."""
        return self.wire.on(line, "state")

    def state(self, line: str) -> str:
        """A line's state by its last message."""
        states = self.states(line)
        return str(states[-1].content["state"]) if states else "unknown"

    def sorts(self, line: str) -> bool:
        """Whether a line decides products; a degraded one does, and complains of its camera."""
        return self.state(line) in {"running", "degraded"}

    def decisions(self, line: str) -> list[WireDecision]:
        """All decisions of a line."""
        epoch_wall_s = self.epoch_s + time.time() - time.monotonic()
        found = self.wire.on(line, "decision")
        return [WireDecision.of(one.content, self.truth.timing, epoch_wall_s) for one in found]

    def score(self, line: str, within: Interval, *blind: Interval) -> WireScore:
        """A line's decisions against its belt."""
        return self.truth.score(self.decisions(line), within, blind)


@contextmanager
def open_rig(belt: BenchBelt, reels: Mapping[str, Path], *options: str, login: Login = LOGIN) -> Iterator[Rig]:
    """Run the service with one line for each reel, by the line's name; the belts begin to move with it.

    Args:
        belt: what all reels show.
        reels: files by line.
        options: of the camera.
        login: of the service at the camera, which lets `LOGIN` in.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(start_broker("mosquitto"))
        server = stack.enter_context(CameraServer(reels, login=LOGIN, options=options))
        cables = {name: stack.enter_context(Proxy(server.port)) for name in reels}
        wire = stack.enter_context(Wire(broker))
        (folder / "password").write_text(login.password, encoding="utf-8")
        lines = [_line(belt, name, cable.port, folder) for name, cable in cables.items()]
        settings, port = folder / "sorter.yaml", free_port()
        write_settings(settings, lines, broker, MetricsSettings(port=port))
        service = stack.enter_context(run_sorter("run", "--config", str(settings)))
        yield Rig(belt, BeltTruth(belt.line, belt.source), server, cables, wire, service, port)


def _line(belt: BenchBelt, name: str, port: int, folder: Path) -> LineSettings:
    source = RtspSource(
        kind="rtsp",
        url=f"rtsp://127.0.0.1:{port}/{name}",
        username=LOGIN.user,
        password_file=str(folder / "password"),
    )
    return belt.line.model_copy(update={"name": name, "source": source})


def _is_line(process: psutil.Process) -> bool:
    """Whether a process is a line's, and lives."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return False
