"""What makes a live picture unfit to decide by: small detectors, pure; each tells a fault in one sentence or nothing.

Decoders hand out damaged pictures as good, cameras and servers repeat the last one, and after a gap old ones come in a
burst. The detectors look at the line's part of the picture alone, at a `Probe` of it: a few rows cost a third of a
millisecond, the whole picture many times as much.
"""
