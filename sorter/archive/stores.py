"""Pictures wherever they are: folders, web addresses, object stores, zip and tar files. Names are listed page by page.

Credentials come from the environment and the stores' usual files alone; an address that carries some is refused, and
what a store says about a failure is not passed on, for it may quote them.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sorter.archive.failures import lasting_failure, reason
from sorter.archive.web import read_web
from sorter.errors import SourceError, UsageError

MAX_BYTES = 128 * 2**20
"""Largest file that is read."""
READ_S = 60.0
"""Longest that one attempt at reading a file may take."""
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".jp2", ".ppm", ".tga", ".ico"}
)
"""Of what is taken from a folder that is named without a pattern."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_MAGIC = re.compile(r"[*?\[]")
_EXTRAS = {"s3": "stores", "gs": "gcs", "gcs": "gcs", "oci": "oci", "zip": "stores", "tar": "stores"}
"""What to install for a kind of address."""
_WEB = frozenset({"http", "https"})
_SECRET = re.compile(r"sig|token|secret|password|credential|key", re.IGNORECASE)


class Place(NamedTuple):
    """One picture, not yet looked at."""

    uri: str
    """As it was listed: what `read` takes. A local file's is its absolute path."""
    size: int | None
    """In bytes, where the listing says."""

    @property
    def shown(self) -> str:
        """For tables and screens: text always, without what looks like a credential."""
        return shown(self.uri)


def shown(uri: str) -> str:
    """An address without what looks like a credential in it; bytes of a name that are no text are escaped."""
    text = uri.encode("utf-8", "backslashreplace").decode()
    if _scheme(text) not in _WEB or not urlsplit(text).query:
        return text
    parts = urlsplit(text)
    query = [(name, "***" if _SECRET.search(name) else value) for name, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(query=urlencode(query, safe="*")))


def places(pattern: str, endpoint_url: str | None = None) -> Iterator[Place]:
    """List what a path, address or pattern names, in an order that is the same every time.

    Args:
        pattern: see `docs/archives.md`. Of a folder all pictures, by their names' endings. What has no ``*``, ``?`` or
            ``[`` in it is one file, which is not looked for.
        endpoint_url: of the server that ``s3://`` and ``oci://`` mean; None: what the environment says.

    Raises:
        UsageError: an address of a kind that is not known, with credentials in it, or for which a package is missing.
        SourceError: the store does not answer, or refuses.
    """
    scheme = _scheme(pattern)
    _check(pattern, scheme)
    if scheme in _WEB:
        yield Place(pattern, None)
        return
    try:
        if scheme is None:
            yield from _local(pattern)
        elif _MAGIC.search(_inner(pattern)) or _inner(pattern).endswith("/"):
            yield from _matching(pattern, endpoint_url)
        else:
            yield Place(pattern, None)
    except (SourceError, UsageError):
        raise
    except Exception as error:
        raise SourceError(f"{shown(pattern)}: it cannot be listed: {reason(error)}") from error


def read(uri: str, endpoint_url: str | None, again: Callable[[int], bool]) -> bytes:
    """Read a file, within bounds of size and time.

    Args:
        uri: of a `Place`.
        endpoint_url: as `places` takes it.
        again: whether to try once more after so many failures, which may pass; waits before it says yes.

    Raises:
        SourceError: it cannot be read, or is larger than `MAX_BYTES`.
    """
    failures = 0
    while True:
        try:
            content = _read(uri, endpoint_url)
            break
        except (SourceError, UsageError):
            raise
        except Exception as error:
            failures += 1
            if lasting_failure(error) or not again(failures):
                raise SourceError(f"it cannot be read: {reason(error)}") from error
    if len(content) > MAX_BYTES:
        raise _too_large()
    return content


def _too_large() -> SourceError:
    return SourceError(f"the file is larger than {MAX_BYTES // 2**20} MB: make it smaller")


def _scheme(uri: str) -> str | None:
    found = _SCHEME.match(uri)
    scheme = found[1].lower() if found else None
    return None if scheme == "file" else scheme


def _inner(uri: str) -> str:
    """The path in the innermost archive."""
    return uri.split("::", maxsplit=1)[0]


def _check(pattern: str, scheme: str | None) -> None:
    if scheme is not None and scheme not in _WEB and scheme not in _EXTRAS:
        known = ", ".join(f"{one}://" for one in ("http", "https", *_EXTRAS))
        raise UsageError(f"{scheme}:// is no kind of address that is read: give a path, or one of {known}")
    if scheme in _WEB and "*" in pattern:
        raise UsageError(f"{shown(pattern)}: web servers do not list their files: name each one")
    for part in pattern.split("::"):
        if ":" in urlsplit(part).netloc.rpartition("@")[0] or (_scheme(part) in _WEB and "@" in urlsplit(part).netloc):
            raise UsageError("an address must hold no password: put it into the environment or the store's own files")


def _local(pattern: str) -> Iterator[Place]:
    path = Path(pattern.removeprefix("file://")).absolute()
    if path.is_dir():
        walk = _walk_local(str(path), None)
        yield from (place for place in walk if Path(place.uri).suffix.lower() in SUFFIXES)
    elif not path.exists() and _MAGIC.search(str(path)):
        root = str(Path(*takewhile(lambda part: not _MAGIC.search(part), path.parts)))
        matches, deep = _matcher(str(path)), _depth(str(path), root)
        yield from (place for place in _walk_local(root, deep) if matches(place.uri))
    else:
        yield Place(str(path), None)


def _walk_local(folder: str, levels: int | None) -> Iterator[Place]:
    """Files in order of their names; links to folders are not followed, for they may lead back."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if levels is None or levels > 1:
                yield from _walk_local(entry.path, None if levels is None else levels - 1)
        elif entry.is_file():
            yield Place(entry.path, entry.stat().st_size)


def _matcher(pattern: str) -> Callable[[str], bool]:
    translate = _fsspec().utils.glob_translate
    wanted = re.compile(translate(pattern))
    return lambda name: wanted.match(name) is not None


def _depth(pattern: str, root: str) -> int | None:
    """How many levels below the root a pattern reaches; None: any number."""
    below = pattern[len(root) :].strip("/")
    return None if "**" in below else below.count("/") + 1


def _matching(pattern: str, endpoint_url: str | None) -> Iterator[Place]:
    store, path = _store(pattern, endpoint_url)
    inner = _inner(pattern)
    head, tail = inner[: inner.index("://") + 3], pattern[len(inner) :]
    folder = inner.endswith("/")
    wanted = _matcher(path.rstrip("/") + "/**" if folder else path)
    names = _paged(store, path) if hasattr(store, "call_s3") else _walked(store, path)
    for name, size in names:
        if wanted(name) and (not folder or Path(name).suffix.lower() in SUFFIXES):
            yield Place(f"{head}{name}{tail}", size)


def _paged(store: Any, path: str) -> Iterator[tuple[str, int]]:
    """Of a bucket, a thousand at a time, in the order of S3: by the names' bytes."""
    bucket, _, key = path.partition("/")
    if _MAGIC.search(bucket):
        raise UsageError(f"s3://{bucket}: name the bucket itself; patterns are for what is in it")
    prefix = _MAGIC.split(key)[0]
    asked = {"Bucket": bucket, "Prefix": prefix}
    if "/" not in key[len(prefix) :] and "**" not in key and _MAGIC.search(key):
        asked["Delimiter"] = "/"
    while True:
        page = store.call_s3("list_objects_v2", **asked)
        for one in page.get("Contents", ()):
            if not one["Key"].endswith("/"):
                yield f"{bucket}/{one['Key']}", one["Size"]
        if not page.get("IsTruncated"):
            return
        asked["ContinuationToken"] = page["NextContinuationToken"]


def _walked(store: Any, path: str) -> Iterator[tuple[str, int | None]]:
    """Of any other store, a folder at a time."""
    root = "/".join(takewhile(lambda part: not _MAGIC.search(part), path.split("/"))).rstrip("/")
    waiting = [root]
    while waiting:
        found = store.ls(waiting.pop(), detail=True)
        entries = sorted((one["name"].rstrip("/"), one["type"], one.get("size")) for one in found)
        waiting += [name for name, kind, _ in reversed(entries) if kind == "directory"]
        yield from ((name, size) for name, kind, size in entries if kind == "file")


def _read(uri: str, endpoint_url: str | None) -> bytes:
    scheme = _scheme(uri)
    if scheme is None:
        return _read_local(uri)
    if scheme in _WEB:
        return read_web(uri, MAX_BYTES, READ_S)
    store, path = _store(uri, endpoint_url)
    if getattr(store, "async_impl", False):
        sync = import_module("fsspec.asyn").sync
        return bytes(sync(store.loop, store._cat_file, path, start=0, end=MAX_BYTES + 1, timeout=READ_S))  # noqa: SLF001 - sync, which bounds the time, takes coroutines
    with store.open(path, "rb") as file:
        return bytes(file.read(MAX_BYTES + 1))


def _read_local(path: str) -> bytes:
    status = Path(path).stat()
    # What waits for a writer, or has no end, would hold us for ever.
    if not stat.S_ISREG(status.st_mode):
        raise SourceError("not a file: name a picture's file")
    if status.st_size > MAX_BYTES:
        raise _too_large()
    return Path(path).read_bytes()


def _store(uri: str, endpoint_url: str | None) -> tuple[Any, str]:
    """The file system that an address is in, and the path there."""
    inner, *outer = uri.split("::")
    if not outer:
        scheme, path = inner.split("://", 1)
        if scheme == "oci" and endpoint_url is not None:
            bucket, slash, key = path.partition("/")
            return _opened("s3", "", endpoint_url), bucket.partition("@")[0] + slash + key
        return _opened(scheme, "", endpoint_url), path
    return _opened(inner.split("://", 1)[0], "::".join(outer), endpoint_url), inner.split("://", 1)[1]


@lru_cache(maxsize=8)
def _opened(scheme: str, outer: str, endpoint_url: str | None) -> Any:
    fsspec = _fsspec()
    try:
        if outer:
            around = _options(_scheme(outer), endpoint_url)
            return fsspec.filesystem(scheme, fo=outer, target_options=around)
        options = _options(scheme, endpoint_url)
        return fsspec.filesystem(scheme, use_listings_cache=False, **options)
    except ImportError as error:
        raise _missing(f"{scheme}:// addresses", _EXTRAS.get(scheme, "stores")) from error


def _options(scheme: str | None, endpoint_url: str | None) -> dict[str, Any]:
    if scheme != "s3":
        return {}
    # An endpoint of another maker seldom knows a bucket's name as a host's.
    style = {"s3": {"addressing_style": "path"}} if endpoint_url else {}
    bounds = {"connect_timeout": 10, "read_timeout": 30, **style}
    return {"endpoint_url": endpoint_url, "config_kwargs": bounds}


def _fsspec() -> Any:
    try:
        import_module("fsspec.utils")
        return import_module("fsspec")
    except ImportError as error:
        raise _missing("stores and patterns of files", "stores") from error


def _missing(what: str, extra: str) -> UsageError:
    return UsageError(
        f"{what} need a package that is not installed: install it with pip install "
        f'"conveyor-color-sorter[stores{"" if extra == "stores" else "," + extra}]"'
    )
