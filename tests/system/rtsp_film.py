"""A network camera that shows an H.264 film once to each who asks: GStreamer's server, run by the system's own Python.

Usage: rtsp_film.py FILM.mp4

Serves it at /film; prints its port on loopback.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - versions must be required first

Gst.init(None)


def main() -> None:
    needed = ("qtdemux", "h264parse", "rtph264pay")
    missing = [name for name in needed if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.exit(f"GStreamer lacks {', '.join(missing)}")
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'( filesrc location="{sys.argv[1]}" ! qtdemux ! h264parse config-interval=-1 '
        "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
    )
    server.get_mount_points().add_factory("/film", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)  # noqa: T201 - how the test learns the port
    GLib.MainLoop().run()


main()
