"""When a file that changes may be believed: not while somebody is still writing it. Pure."""

from __future__ import annotations

_SETTLED_S = 0.3
"""Many a half of a good recipe is a good recipe, too: it must stay as it is for so long."""
_CUT_OFF_S = 1.0
"""A file that does not end with a line's end looks as though more were to come."""
_GONE_S = 3.0
"""Some editors put the old file aside before the new one is there."""


class Settling:
    """Watches what stands in one file.

    Args:
        content: what is known to stand in it; None where nothing is known.
    """

    def __init__(self, content: bytes | str | None) -> None:
        self._told = content
        self._seen = content
        self._since_s = float("-inf")

    def look(self, content: bytes | str | None, now_s: float) -> bool:
        """Take what stands in it now; whether that is news, and has settled. Each news is told once.

        Args:
            content: why, or None, where there is no such file, or it cannot be read.
            now_s: monotonic seconds.
        """
        if content != self._seen:
            self._seen, self._since_s = content, now_s
        if content == self._told or now_s - self._since_s < _patience_s(content):
            return False
        self._told = content
        return True

    def look_again(self) -> None:
        """Whatever stands in it is news again, once it has settled."""
        self._told = b"" if self._seen is None else None


def _patience_s(content: bytes | str | None) -> float:
    if not isinstance(content, bytes):
        return _GONE_S
    return _SETTLED_S if content.endswith((b"\n", b"\r")) else _CUT_OFF_S
