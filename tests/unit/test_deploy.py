"""What is shipped for the broker, as far as it can be read; that it works is held in tests/system/test_security.py."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MOSQUITTO = ROOT / "deploy" / "mosquitto"
LISTENERS = sorted((MOSQUITTO / "listeners").iterdir())
# Said before any listener they belong to one that nobody has asked for: port 1883, without TLS.
OF_A_LISTENER = re.compile(r"^(listener|port|max_connections|cafile|certfile|protocol|bind_address)\b", re.MULTILINE)


def test_nothing_in_the_main_file_opens_a_listener() -> None:
    assert not OF_A_LISTENER.findall((MOSQUITTO / "mosquitto.conf").read_text("utf-8"))


@pytest.mark.parametrize("path", LISTENERS, ids=lambda path: path.name)
def test_every_listener_speaks_tls_and_knows_its_clients(path: Path) -> None:
    settings = dict(
        line.split(" ", 1) for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")
    )
    assert {"listener", "certfile", "keyfile", "max_connections"} <= settings.keys()
    assert settings["tls_version"] == "tlsv1.2"
    by_certificate = settings.get("require_certificate") == settings.get("use_identity_as_username") == "true"
    assert by_certificate or "password_file" in settings


def test_every_rule_names_the_site_that_the_docs_tell_to_change() -> None:
    topics = re.findall(r"^topic \w+ (\S+)$", (MOSQUITTO / "acl").read_text("utf-8"), re.MULTILINE)
    assert topics
    assert all(topic.startswith(("sorter/demo/", "$SYS/")) for topic in topics)


def test_the_container_of_the_broker_reads_the_shipped_files() -> None:
    broker = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))["services"]["broker"]
    source, target, mode = broker["volumes"][0].split(":")
    assert (ROOT / "deploy" / source / "mosquitto.conf").is_file()
    assert (target, mode) == ("/etc/mosquitto", "ro")
    assert broker["profiles"] == ["broker"], "it is not started unasked"


def make(folder: Path, *hosts: str) -> subprocess.CompletedProcess[str]:
    command = [str(MOSQUITTO / "make_certificates.sh"), str(folder), *hosts]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_script_keeps_what_is_there_and_lets_nobody_read_a_key(tmp_path: Path) -> None:
    folder = tmp_path / "with spaces"
    assert make(folder, "broker.plant", "10.0.0.1").returncode == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {f"{name}.{kind}" for name in ("ca", "broker", "sorter", "plc", "operator", "monitor")
            for kind in ("pem", "key")} == before.keys()  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.key")} == {0o600}
    (folder / "plc.pem").unlink()
    assert make(folder, "broker.plant").stdout.splitlines()[-3:] == [
        "plc.pem made, for 397 days",
        "operator.pem is there already",
        "monitor.pem is there already",
    ]
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"plc.pem"}


def test_the_script_says_how_it_is_used(tmp_path: Path) -> None:
    done = make(tmp_path / "nowhere")
    assert (done.returncode, done.stderr) == (2, "usage: make_certificates.sh FOLDER HOST [HOST...]\n")
    assert not (tmp_path / "nowhere").exists()
