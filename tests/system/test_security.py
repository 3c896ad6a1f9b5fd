"""The broker as it is shipped: who may say what, what is said of a wrong credential, and what renewing costs."""

from __future__ import annotations

import contextlib
import getpass
import json
import logging
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from sorter.capture.clock import SystemClock
from sorter.outputs.connection import BrokerConnection, Handlers, Heard, Speaker
from sorter.outputs.refusal import OFTEN_LOST, TAKEN_OVER
from sorter.settings.mqtt import MqttProtocol, MqttSettings
from tests.system.conftest import ROOT, Mosquitto, wait_for
from tests.system.scripted_broker import REFUSES_PROTOCOL, ScriptedBroker, accepts
from tests.system.scripted_broker import TAKEN_OVER as DISCONNECT_TAKEN_OVER

pytestmark = [
    pytest.mark.system,
    # paho leaves the socket of a failed handshake to the garbage collector.
    pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning"),
]

SHIPPED = ROOT / "deploy" / "mosquitto"
BASE = "sorter/demo/line-1"
PASSWORD = "only-for-this-test"  # noqa: S105
ROLES = ("sorter", "plc", "operator", "monitor")


def make_certificates(folder: Path, **environment: str) -> None:
    command = [str(SHIPPED / "make_certificates.sh"), str(folder), "localhost", "127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """Made by the shipped script: good ones, and in "expired" the same of yesterday, of the same authority."""
    folder = tmp_path_factory.mktemp("plant") / "certs"
    make_certificates(folder)
    expired = folder / "expired"
    expired.mkdir()
    for name in ("ca.pem", "ca.key"):
        shutil.copy(folder / name, expired)
    make_certificates(expired, DAYS="-1")
    make_certificates(folder / "other")
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Plant(Mosquitto):
    """mosquitto on the shipped files; only paths, ports and the user it runs as are another."""

    certificates: Path = Path()
    password_port: int = field(default_factory=free_port)
    changes: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        etc = self.folder / "etc"
        shutil.copytree(SHIPPED, etc, dirs_exist_ok=True)
        for name in ("ca.pem", "broker.pem", "broker.key"):
            (etc / "certs").mkdir(exist_ok=True)
            shutil.copy(self.certificates / name, etc / "certs")
        self._set_passwords(etc / "passwords")
        places = {
            "/etc/mosquitto": str(etc),
            "/var/lib/mosquitto/": f"{self.folder}/",
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "listener 8884": f"listener {self.password_port} 127.0.0.1",
            **self.changes,
        }
        for path in (etc / "mosquitto.conf", *(etc / "listeners").iterdir()):
            text = path.read_text()
            for shipped, ours in places.items():
                text = text.replace(shipped, ours)
            path.write_text(text)
        with (etc / "mosquitto.conf").open("a") as config:
            config.write(f"user {getpass.getuser()}\n")
        with (self.folder / "log").open("ab") as log:
            started = log.tell()
            self.process = subprocess.Popen([self.program, "-c", str(etc / "mosquitto.conf")], stderr=log)
        wait_for("every listener is open", lambda: " running" in self.log()[started:])

    def _set_passwords(self, path: Path) -> None:
        path.touch(mode=0o600)
        for role in ("sorter", "plc"):
            subprocess.run(["mosquitto_passwd", "-b", str(path), role, PASSWORD], check=True)

    def trust(self, role: str = "sorter", folder: Path | None = None) -> dict[str, Any]:
        """Settings of a client with the certificate of a role."""
        place = folder or self.certificates
        return {
            "host": "localhost", "port": self.port, "tls_ca_file": str(self.certificates / "ca.pem"),
            "tls_certificate_file": str(place / f"{role}.pem"), "tls_key_file": str(place / f"{role}.key"),
        }  # fmt: skip


@pytest.fixture
def plant(tmp_path, mosquitto_program, certificates) -> Iterator[Plant]:
    broker = Plant(mosquitto_program, tmp_path, free_port(), certificates=certificates)
    broker.start()
    yield broker
    broker.stop()


class Line:
    """A sorter's connection as its publisher holds it."""

    def __init__(self, base_folder: Path = Path(), **settings: Any) -> None:
        self.heard: list[Heard] = []
        speaker = Speaker(
            "sorter-demo-line-1", f"{BASE}/state", b"offline", (f"{BASE}/confirm", f"{BASE}/command/+"), line="line-1",
            decision_topic=f"{BASE}/decision",
        )  # fmt: skip
        handlers = Handlers(lambda: None, self.heard.append)
        chosen = MqttSettings(**{"keepalive_s": 5, **settings})
        self.connection = BrokerConnection(speaker, chosen, base_folder, SystemClock(), handlers)
        self.connection._watch.every_s = self.connection._watch.settle_s = 0.3
        self.connection.start()

    @property
    def connected(self) -> bool:
        return self.connection.number != 0

    def say(self, leaf: str, *, base: str = BASE) -> bool:
        """Whether the broker accepted it."""
        before = len(self.connection.answers)
        self.connection.publish(f"{base}/{leaf}", b"{}", qos=1)
        wait_for("it is answered", lambda: len(self.connection.answers) > before)
        return self.connection.answers[-1].accepted

    def close(self) -> None:
        # Where nothing stands the library's thread may sleep between two attempts; it ends by itself.
        left_s = 2.0 if self.connected else 0.0
        self.connection.hang_up(SystemClock().monotonic_s() + left_s, polite=True)


@pytest.fixture
def connect() -> Iterator[Callable[..., Line]]:
    lines: list[Line] = []

    def make(*arguments: Any, **settings: Any) -> Line:
        lines.append(Line(*arguments, **settings))
        return lines[-1]

    yield make
    for line in lines:
        line.close()


class Role:
    """A client of the plant with a role's certificate, that listens to everything."""

    def __init__(self, plant: Plant, role: str) -> None:
        self.messages: list[MQTTMessage] = []
        self.answers: dict[int, bool] = {}
        self.granted = False
        self.client = Client(CallbackAPIVersion.VERSION2, role, protocol=MQTTv5)
        place = plant.certificates
        self.client.tls_set(str(place / "ca.pem"), str(place / f"{role}.pem"), str(place / f"{role}.key"))
        self.client.on_message = lambda _client, _data, message: self.messages.append(message)
        self.client.on_publish = self._when_answered
        self.client.on_subscribe = self._when_granted
        self.client.connect("localhost", plant.port)
        self.client.loop_start()
        self.client.subscribe([("#", 1), ("$SYS/broker/version", 1)])
        wait_for(f"{role} has subscribed", lambda: self.granted)

    def _when_answered(self, _client, _data, mid, reason, _told) -> None:
        self.answers[mid] = not reason.is_failure

    def _when_granted(self, *_: object) -> None:
        self.granted = True

    def may_say(self, topic: str) -> bool:
        mid = self.client.publish(topic, topic.encode(), qos=1).mid
        wait_for(f"{topic} is answered", lambda: mid in self.answers)
        return self.answers[mid]

    @property
    def heard(self) -> set[str]:
        return {message.topic for message in list(self.messages)}


@pytest.fixture
def enter(plant) -> Iterator[Callable[[str], Role]]:
    inside: list[Role] = []

    def make(role: str) -> Role:
        inside.append(Role(plant, role))
        return inside[-1]

    yield make
    for one in inside:
        one.client.disconnect()
        one.client.loop_stop()
        one.client._reset_sockets(sockpair_only=True)  # else left to the garbage collector, which tells of it


LEAVES = (
    "decision", "state", "recipe", "shadow", "alarm", "stats", "command_answer/operator", "trigger", "confirm",
    "command/pause",
)  # fmt: skip
MAY_WRITE = {
    "sorter": {"decision", "state", "recipe", "shadow", "alarm", "stats", "command_answer/operator"},
    "plc": {"trigger", "confirm"},
    "operator": {"command/pause"},
    "monitor": set(),
}
MAY_READ = {
    "sorter": {"trigger", "confirm", "command/pause"},
    "plc": {"decision", "state", "recipe", "alarm", "stats"},
    "operator": set(LEAVES),
    "monitor": {"state", "alarm", "stats"},
}


def test_each_role_says_and_hears_what_the_shipped_rules_allow_and_nothing_else(enter):
    roles = {name: enter(name) for name in ROLES}
    for name, role in roles.items():
        allowed = {leaf for leaf in LEAVES if role.may_say(f"{BASE}/{leaf}")}
        assert allowed == MAY_WRITE[name], name
        others = ("sorter/other/line-1/decision", "sorter/other/line-1/command/pause", "$SYS/broker/version", "other")
        assert not [topic for topic in others if role.may_say(topic)], name
    for name, role in roles.items():
        wanted = {f"{BASE}/{leaf}" for leaf in MAY_READ[name]}
        if name == "monitor":
            wanted |= {"$SYS/broker/version"}
        wait_for(f"{name} hears {wanted - role.heard}", lambda wanted=wanted, role=role: wanted <= role.heard)
        assert role.heard == wanted, name


def test_only_the_listeners_with_tls_are_open_and_nobody_comes_in_without_a_name(plant, connect):
    opened = [line.rsplit(" ", 1)[1] for line in plant.log().splitlines() if "listen socket on port" in line]
    assert sorted(opened) == sorted(f"{port}." for port in (plant.port, plant.password_port))
    nobody = connect(host="localhost", port=plant.password_port, tls_ca_file=str(plant.certificates / "ca.pem"))
    wait_for("it is told", lambda: "Not authorized" in nobody.connection.troubles.get("broker_refused", ""))
    assert not nobody.connected


@pytest.mark.parametrize("protocol", MqttProtocol)
def test_with_a_user_name_and_a_password_from_files_the_rules_are_the_same(plant, connect, tmp_path, protocol):
    (tmp_path / "user").write_text("sorter\n")
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    ca = str(plant.certificates / "ca.pem")
    files = {"username_file": "user", "password_file": "secret", "tls_ca_file": ca}
    line = connect(tmp_path, host="localhost", port=plant.password_port, protocol=protocol, **files)
    wait_for("it is connected", lambda: line.connected)
    assert line.say("decision")
    if protocol is MqttProtocol.V5:  # 3.1.1 acknowledges what is denied
        assert not line.say("decision", base="sorter/other/line-1")
        assert not line.say("trigger")


def wrong_password(plant: Plant) -> dict[str, Any]:
    (plant.folder / "wrong").write_text("wr0ng\n")
    (plant.folder / "wrong").chmod(0o600)
    ca = str(plant.certificates / "ca.pem")
    secret = {"username": "sorter", "password_file": str(plant.folder / "wrong")}
    return {"host": "localhost", "port": plant.password_port, "tls_ca_file": ca, **secret}


def expired_broker(plant: Plant) -> dict[str, Any]:
    settings = plant.trust()
    plant.stop()
    plant.certificates = plant.certificates / "expired"
    plant.start()
    return settings


def plain_listener(plant: Plant) -> dict[str, Any]:
    plant.stop()
    config = plant.folder / "plain.conf"
    config.write_text(f"listener {plant.port} 127.0.0.1\nallow_anonymous true\n")
    with (plant.folder / "log").open("ab") as log:
        plant.process = subprocess.Popen([plant.program, "-c", str(config)], stderr=log)
    wait_for("mosquitto listens", plant._listens)
    return plant.trust()


WRONG = {
    "wrong password": (wrong_password, "it refuses us (Not authorized): mend mqtt.username and its password"),
    "expired certificate of ours": (lambda p: p.trust(folder=p.certificates / "expired"), "has expired: renew it"),
    "certificate of another authority": (
        lambda p: p.trust(folder=p.certificates / "other"),
        "the broker does not know the authority that signed our certificate",
    ),
    "no certificate": (
        lambda p: {key: value for key, value in p.trust().items() if key in {"host", "port", "tls_ca_file"}},
        "the broker wants a certificate of us: give mqtt.tls_certificate_file and mqtt.tls_key_file",
    ),
    "expired certificate of the broker": (expired_broker, "the broker's certificate has expired"),
    "wrong authority": (
        lambda p: {**p.trust(), "tls_ca_file": str(p.certificates / "other" / "ca.pem")},
        "give the broker's authority as mqtt.tls_ca_file",
    ),
    "authorities of the system": (
        lambda p: {"host": "localhost", "port": p.port, "tls": True},
        "is not signed by any authority of this system",
    ),
    "another host": (lambda p: {**p.trust(), "host": "ip6-localhost-or-so"}, "is not for ip6-localhost-or-so"),
    "plain client at a port with TLS": (
        lambda p: {"host": "localhost", "port": p.port},
        "this port speaks TLS, and we do not: add mqtt.tls_ca_file",
    ),
    "TLS at a plain port": (plain_listener, "does not speak TLS"),
}


@pytest.mark.parametrize("case", WRONG)
def test_whatever_is_wrong_is_said_once_in_plain_words_and_never_looks_connected(
    plant, connect, caplog, monkeypatch, case
):
    if case == "another host":  # a name that leads here and is not in the certificate
        find = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest: find("127.0.0.1", *rest))
    caplog.set_level(logging.DEBUG, "sorter")
    prepare, words = WRONG[case]
    line = connect(**prepare(plant))
    wait_for("it is a trouble", lambda: "broker_refused" in line.connection.troubles)
    assert words in line.connection.troubles["broker_refused"]
    if case == "expired certificate of ours":
        wait_for("it is tried again", lambda: caplog.text.count(words) >= 2)

    def loud() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]

    wait_for("it is said", loud)  # the client's thread knows the trouble a moment before it says so
    assert len(loud()) == 1
    assert words in loud()[0]
    assert not line.connected
    assert "wr0ng" not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_broker_of_an_old_protocol_is_told_with_the_setting_that_helps(connect):
    with ScriptedBroker(REFUSES_PROTOCOL) as broker:
        line = connect(port=broker.port)
        wait_for("it is a trouble", lambda: "broker_refused" in line.connection.troubles)
        assert 'set mqtt.protocol to "3.1.1"' in line.connection.troubles["broker_refused"]
        assert not line.connected


@pytest.fixture
def own(plant, tmp_path) -> Path:
    """Files of a line's own, to be renewed."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name in ("ca.pem", "ca.key", "sorter.pem", "sorter.key"):
        shutil.copy(plant.certificates / name, folder)
    return folder


def test_a_renewed_certificate_connects_once_anew_and_half_of_a_pair_changes_nothing(
    plant, connect, own, caplog, enter
):
    caplog.set_level(logging.INFO, "sorter")
    reader = enter("operator")
    line = connect(**plant.trust(folder=own))
    wait_for("it is connected", lambda: line.connected)
    new = own / "new"
    new.mkdir()
    for name in ("ca.pem", "ca.key"):
        shutil.copy(own / name, new)
    make_certificates(new)
    shutil.copy(new / "sorter.key", own)
    wait_for("half of it is told", lambda: "is not the key of the certificate" in caplog.text)
    assert line.connection.number == 1
    assert line.say("decision")
    shutil.copy(new / "sorter.pem", own)
    wait_for("it connects anew", lambda: line.connection.number == 2, 20)
    assert line.say("decision")
    told = [record.getMessage() for record in caplog.records if "mqtt.tls_" in record.getMessage()]
    assert len(told) == 2
    assert "the files of mqtt.tls_certificate_file, mqtt.tls_key_file have changed" in told[1]
    assert not line.connection.troubles
    assert b"offline" not in [message.payload for message in reader.messages], "it took its leave: no last will"


def test_an_expired_certificate_that_is_renewed_lets_the_line_in(plant, connect, own):
    for name in ("sorter.pem", "sorter.key"):
        shutil.copy(plant.certificates / "expired" / name, own)
    line = connect(**plant.trust(folder=own))
    wait_for("it is refused", lambda: "has expired" in line.connection.troubles.get("broker_refused", ""))
    (own / "sorter.pem").unlink()
    make_certificates(own)
    wait_for("it is connected", lambda: line.connected, 20)
    assert not line.connection.troubles


def test_two_with_one_id_are_told_and_do_not_race(mosquitto, connect, caplog):
    # This mosquitto closes the older connection without a word, in MQTT 5 too.
    pair = [connect(port=mosquitto.port, client_id="same") for _ in range(2)]
    wait_for("one of them notices", lambda: any("client_id_taken" in one.connection.troubles for one in pair), 20)
    assert f"sorter-demo-line-1): {OFTEN_LOST}" in caplog.text
    assert "as same-line-1" in mosquitto.log()
    made = sum(one.connection._connections_made for one in pair)
    assert made <= 8


def test_a_broker_that_says_who_threw_us_out_is_believed_at_once(connect, caplog):
    with ScriptedBroker(accepts(20), then=DISCONNECT_TAKEN_OVER) as broker:
        line = connect(port=broker.port)
        wait_for("it is told", lambda: line.connection.troubles.get("client_id_taken") == TAKEN_OVER)
        assert TAKEN_OVER in caplog.text
        assert line.connection._standing.retry_after_s == 5


def test_a_broker_with_a_quota_of_one_never_has_two_messages_to_acknowledge(connect):
    with ScriptedBroker(accepts(1)) as broker:
        line = connect(port=broker.port)
        wait_for("it is connected", lambda: line.connected)
        for _ in range(3):
            for leaf in ("state", "recipe", "alarm"):
                line.connection.publish(f"{BASE}/{leaf}", b"{}", qos=1)
            assert line.connection.window == 0, "a decision would wait in the library, past its deadline"
            wait_for("all are acknowledged", lambda: line.connection.window == 1)
            line.connection.publish(f"{BASE}/decision", b"{}", qos=1)
            line.connection.publish(f"{BASE}/state", b"{}", qos=1)
        wait_for("all have come", lambda: len(broker.topics) == 15)
        assert broker.most_unacknowledged == 1
        assert broker.connects == 1


@pytest.mark.parametrize("setting", ["max_inflight_messages 20", "max_packet_size 65536"])
def test_under_the_smallest_limits_of_the_shipped_broker_messages_flow_or_are_told(plant, connect, caplog, setting):
    plant.stop()
    plant.changes = {setting: setting.rsplit(" ", 1)[0] + (" 1" if "inflight" in setting else " 500")}
    plant.start()
    line = connect(**plant.trust())
    wait_for("it is connected", lambda: line.connected)
    for _ in range(20):
        line.connection.publish(f"{BASE}/decision", b"x" * 100, qos=1)
    line.connection.publish(f"{BASE}/recipe", b"x" * 1000, qos=1)
    wait_for("all are answered", lambda: len(line.connection.answers) == 21)
    refused = [answer.reason for answer in line.connection.answers if not answer.accepted]
    if "inflight" in setting:
        assert (refused, line.connection._window.quota) == ([], 1)
    else:
        assert refused == ["it is larger than the 500 bytes that the broker takes"]
        assert caplog.text.count("is not sent: it is larger") == 1
    assert line.connection.number == 1


def test_a_fault_in_the_librarys_thread_is_told_and_the_connection_is_made_anew(mosquitto, connect, caplog):
    line = connect(port=mosquitto.port)
    wait_for("it is connected", lambda: line.connected)
    client = line.connection._client
    read = client.loop_read

    def fail(*_: object) -> None:
        client.loop_read = read
        raise RuntimeError("a fault of its own")

    client.loop_read = fail
    line.connection.publish(f"{BASE}/decision", b"{}", qos=1)
    wait_for("it connects anew", lambda: line.connection.number == 2)
    assert "could not be handled (RuntimeError: a fault of its own)" in caplog.text
    assert line.say("decision")


def test_a_broker_that_acknowledges_nothing_is_lost_after_the_keepalive(mosquitto, connect):
    line = connect(port=mosquitto.port, keepalive_s=2)
    wait_for("it is connected", lambda: line.connected)
    mosquitto.freeze()
    line.connection.publish(f"{BASE}/decision", b"{}", qos=1)
    wait_for("it is lost", lambda: "broker_lost" in line.connection.troubles, 10)
    assert not line.connected
    mosquitto.thaw()
    wait_for("it is back", lambda: line.connected, 20)


def test_a_service_that_is_refused_is_not_ready_and_says_why_until_its_certificate_is_renewed(
    plant, own, tmp_path, start_sorter
):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    for name in ("sorter.pem", "sorter.key"):
        shutil.copy(plant.certificates / "expired" / name, own)
    path = tmp_path / "config" / "sorter.yaml"
    settings = json.dumps(plant.trust(folder=own))
    text = path.read_text()
    path.write_text(text[: text.index("\nmqtt:\n")] + f"\nmqtt: {settings}\nmetrics: {{port: 0}}\n")
    service = start_sorter("run", "--config", path)
    wait_for("it is told", lambda: "our certificate" in service.log, 20)
    wait_for("the line decides", lambda: "line-1 is degraded: no connection" in service.log, 20)
    status, body = service.get("/readyz")
    assert status == 503
    assert "has expired: renew it" in json.loads(body)["why"]
    assert 'sorter_mqtt_connected{line="line-1"} 0.0' in service.get("/metrics")[1]
    (own / "sorter.pem").unlink()
    make_certificates(own)
    wait_for("it is ready", lambda: service.get("/readyz")[0] == 200, 30)


DOCS = (ROOT / "docs" / "security.md").read_text("utf-8")


def test_the_commands_of_the_docs_set_up_a_broker_that_the_sorter_connects_to_and_renew_its_certificate(
    tmp_path, mosquitto_program, connect
):
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    port, password_port = free_port(), free_port()
    ours = {
        "/etc/": f"{tmp_path}/etc/",
        "/var/lib/mosquitto/": f"{tmp_path}/",
        "chown mosquitto": f"chown {getpass.getuser()}",
        "broker.plant": "localhost",
        "192.168.0.10": "127.0.0.1",
        "8883": str(port),
        "8884": str(password_port),
    }

    def with_our_places(text: str) -> str:
        for shipped, place in ours.items():
            text = text.replace(shipped, place)
        return text

    with contextlib.ExitStack() as stack:
        for block in re.findall(r"^```sh\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL):
            commands = with_our_places(block)
            starts = "systemctl restart mosquitto\n" in commands
            script = "set -eu\n" + commands.replace("systemctl restart mosquitto\n", "")
            subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True, capture_output=True, timeout=30)
            if starts:
                for path in (tmp_path / "etc" / "mosquitto").rglob("*.conf"):
                    path.write_text(with_our_places(path.read_text()))
                stack.enter_context(running(mosquitto_program, tmp_path, port))
        settings = yaml.safe_load(with_our_places(re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[0]))["mqtt"]
        line = connect(tmp_path / "etc" / "conveyor-color-sorter", **settings)
        wait_for("it is connected", lambda: line.connected)
        assert line.say("decision", base="sorter/my-plant/line-1")
        assert not line.say("decision")
        plc = {"username": "plc", "password_file": str(tmp_path / "plc.password"), "port": password_port}
        controller = connect(host="localhost", tls_ca_file=str(tmp_path / "authority" / "ca.pem"), **plc)
        wait_for("the controller is connected by its password", lambda: controller.connected)
        assert controller.say("confirm", base="sorter/my-plant/line-1")
        assert not controller.say("decision", base="sorter/my-plant/line-1")


@contextlib.contextmanager
def running(program: str, folder: Path, port: int) -> Iterator[None]:
    config = folder / "etc" / "mosquitto" / "mosquitto.conf"
    with config.open("a") as file:
        file.write(f"user {getpass.getuser()}\n")
    with (folder / "log").open("wb") as log, subprocess.Popen([program, "-c", str(config)], stderr=log) as process:
        try:
            wait_for("mosquitto listens", Mosquitto(program, folder, port)._listens)
            yield
        finally:
            process.terminate()
