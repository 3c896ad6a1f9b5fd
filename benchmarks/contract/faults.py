"""Full and read-only disks, a clock set back, an expired certificate, and another with the line's client id."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.belt import ROOT
from benchmarks.contract.broker import OPEN, Mosquitto
from benchmarks.contract.faked import faked_environment, find_faketime, set_offset
from benchmarks.contract.rows import Row
from benchmarks.contract.service import LINE, RunningService, small_belt
from benchmarks.contract.watch import Watch
from benchmarks.processes import free_port
from benchmarks.wire import Wire
from sorter.errors import SorterError

FULL_DISK, READ_ONLY_DISK = "full disk", "read-only disk"
CLOCK_SET_BACK = "clock set back an hour"
EXPIRED_CERTIFICATE, SAME_CLIENT_ID = "expired certificate", "same client id twice"
_DISK = "size=48m"
_CERTIFICATES = ROOT / "deploy" / "mosquitto" / "make_certificates.sh"


def full_disk() -> Row:
    """Somebody fills the journal's disk to the last byte, and makes room again."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reason = stack.enter_context(_mounted(folder / "journal", _DISK))
        if reason:
            return Row(FULL_DISK, 0, passed=None, words=reason)
        watch = _watch(stack, folder)
        watch.decides()
        hog = folder / "journal" / "hog"
        _fill(hog)
        row = watch.suffers(FULL_DISK, "disk_full", hog.unlink)
        missing = watch.missing()
    # What was dropped must be the oldest, with nothing missing behind it.
    passed = row.passed and list(missing) == list(range(1, len(missing) + 1))
    return replace(row, passed=passed, figures={**row.figures, "oldest that made room": len(missing)})


def read_only_disk() -> Row:
    """The journal's disk is read-only when the service starts, and is mended while it runs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reason = stack.enter_context(_mounted(folder / "journal", f"{_DISK},ro"))
        if reason:
            return Row(READ_ONLY_DISK, 0, passed=None, words=reason)
        watch = _watch(stack, folder)
        watch.decides()
        mend = partial(_mount, "-o", "remount,rw", str(folder / "journal"))
        row = watch.suffers(READ_ONLY_DISK, "journal_unwritable", mend)
        missing = len(watch.missing())
    return replace(row, passed=row.passed and not missing, figures={**row.figures, "missing in the journal": missing})


def clock_set_back() -> Row:
    """The machine's clock, as the service sees it, is set back an hour, and forth again."""
    library = find_faketime()
    if library is None:
        return Row(CLOCK_SET_BACK, 0, passed=None, words="faketime is not installed")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        offset = folder / "offset"
        set_offset(offset, 0)
        watch = _watch(
            stack, folder, program=("-m", "benchmarks.contract.faked"), environment=faked_environment(library, offset)
        )
        watch.decides()
        set_offset(offset, -3600)
        return watch.suffers(CLOCK_SET_BACK, "clock_jumped", lambda: set_offset(offset, 0))


def expired_certificate() -> Row:
    """The service has a certificate of yesterday, until somebody renews it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificates, old = folder / "certs", folder / "old"
        _make_certificates(certificates)
        old.mkdir()
        for name in ("ca.pem", "ca.key"):
            shutil.copy(certificates / name, old)
        _make_certificates(old, DAYS="-1")
        port = free_port()
        broker = stack.enter_context(Mosquitto(OPEN + _tls_listener(port, certificates)))
        wire = stack.enter_context(Wire(broker.address))
        mqtt = {
            "port": port, "tls_ca_file": str(certificates / "ca.pem"),
            "tls_certificate_file": str(old / "sorter.pem"), "tls_key_file": str(old / "sorter.key"),
        }  # fmt: skip
        service = stack.enter_context(RunningService(folder, broker.address, small_belt(), mqtt=mqtt))
        words = "has expired: renew it"
        service.wait_for("it says so in its log", lambda: words in service.log)
        service.wait_for("it decides", lambda: _decided(service) > 0)
        connected = sum(service.metrics("sorter_mqtt_connected").values())
        active = service.metrics("sorter_fail_safe_active").get(("broker_refused", LINE), 0.0)
        before = _decided(service)
        service.wait_for("it decides on", lambda: _decided(service) >= before + 3)
        said = next(line for line in service.log.splitlines() if words in line).split(" ", 3)[-1]
        (old / "sorter.pem").unlink()
        _make_certificates(old)
        service.wait_for("it is let in without a restart", lambda: wire.on(LINE, "decision"))
    figures: dict[str, float | str] = {"row broker_refused active": active, "looks connected": connected}
    figures |= {"decided meanwhile": 3, "let in once it was renewed": "yes"}
    return Row(EXPIRED_CERTIFICATE, 1, bool(active) and not connected, figures, said)


def same_client_id() -> Row:
    """Another client comes with the line's client id again and again, and goes in the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        watch = _watch(stack, folder, mqtt={"client_id": "twin"})
        watch.decides()
        twin = Client(CallbackAPIVersion.VERSION2, f"twin-{LINE}", protocol=MQTTv5)
        twin.reconnect_delay_set(2, 2)
        twin.connect("127.0.0.1", watch.port)
        twin.loop_start()
        stack.callback(twin.loop_stop)
        stack.callback(twin.disconnect)
        words, state = watch.raised("client_id_taken"), watch.state_of("client_id_taken")
        twin.disconnect()
        figures = {"state": state["state"], "sorted by color afterward": watch.decides_on()}
    return Row(SAME_CLIENT_ID, 1, passed=True, figures=figures, words=words)


def _watch(
    stack: ExitStack,
    folder: Path,
    *,
    mqtt: Mapping[str, object] | None = None,
    program: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Watch:
    broker = stack.enter_context(Mosquitto())
    wire = stack.enter_context(Wire(broker.address))
    running = RunningService(folder, broker.address, small_belt(), mqtt=mqtt, program=program, environment=environment)
    return Watch(stack.enter_context(running), wire, broker.port)


@contextmanager
def _mounted(folder: Path, options: str) -> Iterator[str]:
    """A small disk at a folder; why there is none, where only another user can mount one."""
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", options, "none", str(folder))
    except SorterError as error:
        yield str(error)
        return
    try:
        yield ""
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise SorterError(f"a small disk cannot be mounted here ({error.strerror})") from error
    if done.returncode:
        raise SorterError(f"only root can mount a small disk: {done.stderr.strip()}")


def _fill(hog: Path) -> None:
    with hog.open("wb", buffering=0) as file:
        try:
            while True:
                os.write(file.fileno(), b"x" * 4096)
        except OSError:
            return


def _make_certificates(folder: Path, **environment: str) -> None:
    command = [str(_CERTIFICATES), str(folder), "127.0.0.1"]
    try:
        subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SorterError("certificates cannot be made: install openssl") from error


def _tls_listener(port: int, certificates: Path) -> str:
    files = (("cafile", "ca.pem"), ("certfile", "broker.pem"), ("keyfile", "broker.key"))
    told = "".join(f"{key} {certificates / name}\n" for key, name in files)
    return f"listener {port} 127.0.0.1\n{told}require_certificate true\n"


def _decided(service: RunningService) -> int:
    return round(sum(service.metrics("sorter_decisions_total").values()))
