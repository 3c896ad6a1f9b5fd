"""A network camera: GStreamer's RTSP server, playing reels in real time; runs in the system's own Python.

Usage: /usr/bin/python3 -m benchmarks.camera.server --reel PATH=FILE [--reel ...] [--epoch SECONDS] [options]

Picture k of every reel is sent when CLOCK_MONOTONIC reaches EPOCH + k / rate, whoever looks: a server that is
started again goes on where the belt is by then. Prints its port on loopback. User and password are taken from
the environment (CAMERA_USER, CAMERA_PASSWORD); without them everybody may look.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import gi

from benchmarks.camera.units import Reel

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - versions must be required first

NEEDED = ("appsrc", "rtph264pay", "rtpbin", "audiotestsrc", "mulawenc", "rtppcmupay")
_BEHIND_S = 0.5
"""A camera that is this late was stopped, and not only held up by other work."""
_JUMPS_S = (0.0, 7.0, -3.0, 0.5, 40.0, 0.0, -1.0)
"""What absurd time stamps are off by, for a second each."""
_ON_DEMAND_S = 0.1
"""From a client's coming to its first picture."""
_DEAD_CLIENTS_EVERY_S = 2
_SENDER_REPORT = 200
# No parser in between: what is damaged in the reel must reach the wire as it is.
_VIDEO = "( appsrc name=pictures is-live=true format=time max-bytes=0 ! rtph264pay name=pay0 pt=96 )"
_AUDIO = "( audiotestsrc is-live=true ! mulawenc ! rtppcmupay name=pay0 pt=0 )"


@dataclass(frozen=True)
class Habits:
    """How the camera behaves."""

    epoch_s: float | None
    """When picture 0 was taken, by CLOCK_MONOTONIC; None is when its client begins to look."""
    backlog: bool
    """After it was stopped for a while, send what it had to send meanwhile, instead of going on with now."""
    loop: bool
    """Begin the reel again at its end, instead of ending the stream."""
    absurd_stamps: bool
    clock_shift_s: float | None
    """By how much its clock is wrong; None tells the time to nobody."""


class Player:
    """Plays a reel into one client's pipeline, beginning with the next key frame."""

    def __init__(self, reel: Reel, habits: Habits, source: Gst.Element) -> None:
        self._reel = reel
        self._habits = habits
        self._source = source
        self._rate_hz = reel.header.frame_rate_hz
        self._epoch_s = time.monotonic() + _ON_DEMAND_S if habits.epoch_s is None else habits.epoch_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def start(self, *_signal: object) -> None:
        """Begin, unless it has begun."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self, *_signal: object) -> None:
        """End before the next picture."""
        self._stopped.set()

    def _play(self) -> None:
        number = self._next_key()
        while number is not None and not self._stopped.wait(max(self._due_s(number) - time.monotonic(), 0.0)):
            if not self._habits.backlog and time.monotonic() - self._due_s(number) > _BEHIND_S:
                number = self._next_key()
                continue
            if self._push(number) is not Gst.FlowReturn.OK:
                return
            number = self._after(number)
        if not self._stopped.is_set():
            self._source.emit("end-of-stream")

    def _due_s(self, number: int) -> float:
        return self._epoch_s + number / self._rate_hz

    def _after(self, number: int) -> int | None:
        return number + 1 if self._habits.loop or number + 1 < len(self._reel) else None

    def _next_key(self) -> int | None:
        """The first key frame that is not due yet; pictures are counted on from lap to lap."""
        now = int((time.monotonic() - self._epoch_s) * self._rate_hz) + 1
        lap, place = divmod(max(now, 0), len(self._reel))
        if lap and not self._habits.loop:
            return None
        key = self._reel.key_from(place)
        if key is not None:
            return lap * len(self._reel) + key
        return (lap + 1) * len(self._reel) if self._habits.loop else None

    def _push(self, number: int) -> Gst.FlowReturn:
        buffer = Gst.Buffer.new_wrapped(self._reel.unit(number % len(self._reel)))
        # The pipeline's clock is CLOCK_MONOTONIC, so this is when the picture was taken, however late it is sent.
        taken_ns = round((self._due_s(number) + self._jump_s(number)) * 1e9)
        buffer.pts = buffer.dts = max(taken_ns - self._source.get_base_time(), 0)
        return self._source.emit("push-buffer", buffer)

    def _jump_s(self, number: int) -> float:
        return _JUMPS_S[int(number / self._rate_hz) % len(_JUMPS_S)] if self._habits.absurd_stamps else 0.0


class Media:
    """What is done to each client's pipeline as it comes to be; a client has one of its own."""

    def __init__(self, reel: Reel, habits: Habits, *, silent: bool) -> None:
        self._reel = reel
        self._habits = habits
        self._silent = silent

    def configure(self, _factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
        """The pipeline was made, and nothing flows yet."""
        source = media.get_element().get_by_name("pictures")
        source.set_property("caps", Gst.Caps.from_string(_caps(self._reel)))
        player = Player(self._reel, self._habits, source)
        source.connect("need-data", player.start)
        media.connect("unprepared", player.stop)
        # Named element by element, since the server adds them one by one, the sinks when a client has chosen.
        media.get_element().get_parent().connect("deep-element-added", self._take_in)

    def _take_in(self, _pipeline: Gst.Pipeline, _bin: Gst.Bin, element: Gst.Element) -> None:
        kind = element.get_factory().get_name()
        if kind == "rtpbin":
            # Otherwise reports add the pipeline's latency to the time when a picture was taken.
            element.set_property("rtcp-sync-send-time", False)  # noqa: FBT003 - C interface
            element.connect("pad-added", self._watch)
        elif kind in {"appsink", "multiudpsink"}:
            element.connect("notify::sync", _never_wait)
            _never_wait(element)

    def _watch(self, _rtpbin: Gst.Element, pad: Gst.Pad) -> None:
        if pad.get_name() == "send_rtcp_src_0":
            pad.add_probe(Gst.PadProbeType.BUFFER, Reports(self._habits.clock_shift_s))
        elif pad.get_name() == "send_rtp_src_0" and self._silent:
            # The server holds the first picture back until a client plays; it and all others end here.
            kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST
            pad.add_probe(kinds, lambda *_: Gst.PadProbeReturn.DROP)


def _never_wait(sink: Gst.Element, *_signal: object) -> None:
    """The player keeps the time already, and absurd time stamps must not hold pictures up; the server turns it on."""
    if sink.get_property("sync"):
        sink.set_property("sync", False)  # noqa: FBT003 - C interface


class Reports:
    """A pad's probe: puts the clock in the camera's sender reports wrong, or takes the reports away."""

    def __init__(self, shift_s: float | None) -> None:
        self._shift_s = shift_s
        self._passing = False

    def __call__(self, pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        """Let the report pass, or send another one in its place."""
        if self._passing or self._shift_s == 0:
            return Gst.PadProbeReturn.OK
        report = info.get_buffer()
        self._passing = True
        pad.push(Gst.Buffer.new_wrapped(self._changed(report.extract_dup(0, report.get_size()))))
        self._passing = False
        return Gst.PadProbeReturn.DROP

    def _changed(self, packets: bytes) -> bytes:
        """RTCP packets (RFC 3550, 6.4.1), of which the first is a sender report, if there is one."""
        _, kind, words = struct.unpack_from(">BBH", packets)
        if kind != _SENDER_REPORT:
            return packets
        if self._shift_s is None:  # what follows must stay: it says who sends, and that the stream has ended
            return packets[4 * (words + 1) :]
        (ntp,) = struct.unpack_from(">Q", packets, 8)
        return packets[:8] + struct.pack(">Q", ntp + round(self._shift_s * 2**32)) + packets[16:]


def _caps(reel: Reel) -> str:
    header = reel.header
    rate = f"{round(header.frame_rate_hz * 1000)}/1000"
    size = f"width={header.width_px},height={header.height_px}"
    return f"video/x-h264,stream-format=byte-stream,alignment=au,{size},framerate={rate}"


def _factory(launch: str) -> GstRtspServer.RTSPMediaFactory:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch)
    if "CAMERA_USER" in os.environ:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)  # noqa: FBT003 - C interface
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)  # noqa: FBT003 - C interface
        factory.set_permissions(permissions)
    return factory


def _protect(server: GstRtspServer.RTSPServer, user: str, password: str, method: str) -> None:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(getattr(GstRtsp.RTSPAuthMethod, method.upper()))
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A network camera that plays reels in real time.")
    parser.add_argument("--check", action="store_true", help="only say whether this machine can run it")
    parser.add_argument("--epoch", type=float, help="when picture 0 was taken, by CLOCK_MONOTONIC; left out: now")
    parser.add_argument("--reel", action="append", default=[], metavar="PATH=FILE", help="plays a reel at /PATH")
    parser.add_argument("--silent", metavar="PATH", help="answers at /PATH as the first reel does, and sends nothing")
    parser.add_argument("--audio", metavar="PATH", help="sends sound alone at /PATH")
    parser.add_argument("--port", type=int, default=0, help="0 takes any")
    parser.add_argument("--auth", choices=("digest", "basic"), default="digest", help="how it asks for the password")
    parser.add_argument("--backlog", action="store_true", help="after it was stopped, send all that was due meanwhile")
    parser.add_argument("--on-demand", action="store_true", help="begin each reel for each client, as a film would")
    parser.add_argument("--loop", action="store_true", help="begin again at the reel's end")
    parser.add_argument("--absurd-stamps", action="store_true", help="time stamps jump back and forth")
    clock = parser.add_mutually_exclusive_group()
    clock.add_argument("--clock-shift-s", type=float, default=0.0, help="by how much the camera's clock is wrong")
    clock.add_argument("--no-clock", action="store_true", help="send no sender reports")
    return parser


def main() -> None:
    """Serve until killed."""
    options = _parser().parse_args()
    Gst.init(None)
    missing = [name for name in NEEDED if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.exit(f"GStreamer lacks {', '.join(missing)}")
    if not options.check:
        _serve(options)


def _serve(options: argparse.Namespace) -> None:
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(options.port))
    # A thread for each client: the answer to one waits for its first key frame, and must not hold up the others.
    server.get_thread_pool().set_max_threads(-1)
    _mount(server, options)
    if "CAMERA_USER" in os.environ:
        _protect(server, os.environ["CAMERA_USER"], os.environ["CAMERA_PASSWORD"], options.auth)
    if not server.attach(None):
        sys.exit(f"cannot listen on port {options.port}")
    GLib.timeout_add_seconds(_DEAD_CLIENTS_EVERY_S, lambda: server.get_session_pool().cleanup() >= 0)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def _mount(server: GstRtspServer.RTSPServer, options: argparse.Namespace) -> None:
    now_s = time.monotonic() if options.epoch is None else options.epoch
    epoch_s = None if options.on_demand else now_s
    shift_s = None if options.no_clock else options.clock_shift_s
    habits = Habits(epoch_s, options.backlog, options.loop, options.absurd_stamps, shift_s)
    files = dict(one.split("=", 1) for one in options.reel)
    reels = {path: Reel(Path(file)) for path, file in files.items()}
    points = server.get_mount_points()
    for path, reel in reels.items():
        points.add_factory(f"/{path}", _video_factory(reel, habits, silent=False))
    if options.silent:
        points.add_factory(f"/{options.silent}", _video_factory(next(iter(reels.values())), habits, silent=True))
    if options.audio:
        points.add_factory(f"/{options.audio}", _factory(_AUDIO))


def _video_factory(reel: Reel, habits: Habits, *, silent: bool) -> GstRtspServer.RTSPMediaFactory:
    factory = _factory(_VIDEO)
    factory.connect("media-configure", Media(reel, habits, silent=silent).configure)
    return factory


if __name__ == "__main__":
    main()
