"""What went wrong in a store: whether trying again may help, how long to wait, and words that give nothing away."""

from __future__ import annotations

from urllib.error import HTTPError

MOST_ATTEMPTS = 4
_FIRST_S = 0.25
_LONGEST_S = 8.0
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError, KeyError)
_PASSING_CODES = frozenset({408, 425, 429, 500, 502, 503, 504})


def backoff_s(failures: int, chance: float) -> float:
    """Seconds to wait after so many failures: doubled each time, and spread so that workers do not march in step.

    Args:
        failures: from 1.
        chance: 0 to 1.

    Returns:
        Between half of the full wait and all of it; 8 s at most.
    """
    return float(min(_LONGEST_S, _FIRST_S * 2 ** (failures - 1)) * (1 + chance) / 2)


def lasting_failure(error: Exception) -> bool:
    """Whether trying again soon does not help."""
    if isinstance(error, HTTPError):
        return error.code not in _PASSING_CODES
    return isinstance(error, _LASTING) or not _of_transport(error)


def reason(error: Exception) -> str:
    """Why, in a few words of our own: what a store says may quote a credential."""
    if isinstance(error, HTTPError):
        return f"the server answered {error.code}"
    if "Credential" in type(error).__name__:
        return "no credentials were found: set them in the environment, or in the store's own files"
    known = {
        FileNotFoundError: "no such file",
        PermissionError: "access is refused: see what these credentials may read",
        IsADirectoryError: "it is a folder",
        TimeoutError: "no answer in time: try again later",
        ConnectionError: "no connection: see that the store's address is right and can be reached",
    }
    for kind, words in known.items():
        if isinstance(error, kind) or (kind is TimeoutError and "Timeout" in type(error).__name__):
            return words
    if "Connect" in type(error).__name__ or "URLError" in type(error).__name__:
        return known[ConnectionError]
    system = error.strerror if isinstance(error, OSError) and error.errno is not None and error.filename else None
    return system or f"the store or archive failed ({type(error).__name__})"


def _of_transport(error: Exception) -> bool:
    """An error of the way there; what an archive's reader stumbles over is not."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(names & {"ClientError", "HTTPClientError", "ClientPayloadError"})
