"""A real RTSP camera for the tests: GStreamer's server, run by the system's own Python.

Usage: rtsp_server.py WIDTH HEIGHT [USER PASSWORD]

Serves moving color bars as H.264 at /bars, and at /short the same for 20 frames; prints its port on loopback.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - versions must be required first

Gst.init(None)


def mount(server: GstRtspServer.RTSPServer, path: str, buffers: int, size: tuple[str, str]) -> None:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( videotestsrc is-live=true pattern=smpte horizontal-speed=2 num-buffers={buffers} "
        f"! video/x-raw,width={size[0]},height={size[1]},framerate=25/1 "
        "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 bitrate=4000 "
        "! rtph264pay name=pay0 pt=96 config-interval=1 )"
    )
    if len(sys.argv) > 3:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)  # noqa: FBT003 - C interface
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)  # noqa: FBT003 - C interface
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory(path, factory)


def protect(server: GstRtspServer.RTSPServer, username: str, password: str) -> None:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(username, password, token)
    server.set_auth(auth)


def main() -> None:
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    mount(server, "/bars", -1, (sys.argv[1], sys.argv[2]))
    mount(server, "/short", 20, (sys.argv[1], sys.argv[2]))
    if len(sys.argv) > 3:
        protect(server, sys.argv[3], sys.argv[4])
    server.attach(None)
    print(server.get_bound_port(), flush=True)  # noqa: T201 - how the test learns the port
    GLib.MainLoop().run()


main()
