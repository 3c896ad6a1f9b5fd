"""A network camera for tests and benchmarks: reels of a known belt, a real RTSP server, and faults on command."""
