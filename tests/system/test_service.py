"""The service as it runs at a plant: real processes around real brokers, killed and frozen in every place."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

pytestmark = [pytest.mark.system, pytest.mark.alone]

ROOT = Path(__file__).parents[2]
SIMULATOR = {
    "kind": "simulator", "seed": 3, "width_px": 320, "height_px": 180, "frame_rate_hz": 30, "mm_per_px": 1,
    "belt_speed_mm_per_s": 250, "lead_in_s": 0.4, "gap_mm": 30,
    "products": [
        {"name": "red", "hex": "#c8202c", "length_mm": 40, "width_mm": 40},
        {"name": "green", "hex": "#2e9e4f", "length_mm": 40, "width_mm": 40},
    ],
}  # fmt: skip
LINE = {
    "name": "one",
    "recipe": "recipe.yaml",
    "source": SIMULATOR,
    "belt": {"direction": "right", "learn_s": 0.3},
    "branches": {name: {"distance_mm": 800} for name in ("gate-1", "gate-2", "reject")},
    "timing": {"belt_speed_mm_per_s": 250},
}
RECIPE = {
    "name": "two colors",
    "bins": [
        {"name": "red", "hex": "#c8202c", "tolerance": 11, "branch": "gate-1"},
        {"name": "green", "hex": "#2e9e4f", "tolerance": 11, "branch": "gate-2"},
    ],
    "fallback": dict.fromkeys(("unknown", "ambiguous", "late", "invalid"), "reject"),
}


def schema(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / f"config/schema/{kind}.schema.json").read_text("utf-8")))


@dataclass
class Plant:
    """Settings, a broker, a reader of the wire, and the service in between."""

    folder: Path
    broker: Any
    wire: Any
    start_sorter: Callable[..., Any]
    wait_for: Callable[..., None]
    service: Any = None

    def write(self, *lines: dict[str, Any], **changes: Any) -> Path:
        document = {
            "site": "plant",
            "lines": [{**LINE, **line} for line in lines or ({},)],
            "mqtt": {"port": self.broker.port, "keepalive_s": 5},
            "metrics": {"port": 0},
            **changes,
        }
        (self.folder / "recipe.yaml").write_text(json.dumps(RECIPE), "utf-8")
        (self.folder / "sorter.yaml").write_text(json.dumps(document, indent=1), "utf-8")
        return self.folder

    def start(self, *lines: dict[str, Any], **changes: Any) -> Any:
        self.service = self.start_sorter("run", "--config", self.write(*lines, **changes))
        return self.service

    def messages(self, leaf: str, line: str = "one") -> list[dict[str, Any]]:
        return [
            json.loads(message.payload)
            for message in self.wire.on(leaf)
            if message.topic == f"sorter/plant/{line}/{leaf}"
        ]

    def state(self, line: str = "one") -> str:
        states = self.messages("state", line)
        return str(states[-1]["state"]) if states else ""

    def decisions(self, line: str = "one") -> list[dict[str, Any]]:
        return self.messages("decision", line)

    def wait_for_state(self, state: str, line: str = "one", timeout_s: float = 20.0) -> dict[str, Any]:
        self.wait_for(f"line {line} is {state}", lambda: self.state(line) == state, timeout_s)
        return self.messages("state", line)[-1]

    def wait_for_decisions(self, count: int, line: str = "one") -> None:
        self.wait_for(f"{count} decisions of line {line}", lambda: len(self.decisions(line)) >= count, 20.0)

    def metric(self, name: str, **labels: str) -> float:
        """One sample of /metrics."""
        for family in text_string_to_metric_families(self.service.get("/metrics")[1]):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        raise LookupError(name, labels)


@pytest.fixture
def plant(tmp_path, mosquitto, read, start_sorter, wait_for) -> Plant:
    (tmp_path / "config").mkdir()
    return Plant(tmp_path / "config", mosquitto, read(mosquitto.port), start_sorter, wait_for)


def consecutive(numbers: list[int]) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_line_announces_itself_decides_and_says_farewell(plant):
    service = plant.start()
    plant.wait_for_decisions(4)
    plant.wait_for("counts", lambda: plant.messages("stats"))
    code, took_s = service.end(signal.SIGTERM)
    assert (code, service.out) == (0, "")
    assert took_s < 3
    assert plant.wait_for_state("offline")["reason"] == "the service was stopped"
    states = [message["state"] for message in plant.messages("state")]
    assert list(dict.fromkeys(states)) == ["starting", "running", "offline"]
    (recipe,) = {json.dumps(message) for message in plant.messages("recipe")}
    assert json.loads(recipe)["name"] == "two colors"
    for kind, leaf in (("state", "state"), ("recipe_in_force", "recipe"), ("decision", "decision"), ("stats", "stats")):
        for message in plant.messages(leaf):
            schema(kind).validate(message)


def test_products_in_flight_are_decided_when_the_service_is_stopped(plant):
    service = plant.start()
    plant.wait_for_decisions(2)
    service.end(signal.SIGINT, group=True)
    plant.wait_for_state("offline")
    decisions = plant.decisions()
    assert consecutive([one["seq"] for one in decisions])
    # What had not crossed the decision line yet is decided in the last frame, all at the same time.
    last = [one for one in decisions if one["captured_at"] == decisions[-1]["captured_at"]]
    assert len(last) >= 2
    (stats,) = plant.messages("stats")[-1:]
    assert stats["products"] == len(decisions) == stats["delivery"]["acknowledged"]


def test_ctrl_c_in_a_shell_stops_everything_within_three_seconds_and_exit_code_0(plant):
    service = plant.start({}, {"name": "two"})
    plant.wait_for_decisions(1)
    plant.wait_for_decisions(1, "two")
    pids = [one.pid for one in service.lines]
    code, took_s = service.end(signal.SIGINT, group=True)
    assert code == 0
    assert took_s < 3
    assert not any(map(psutil.pid_exists, pids))
    for line in ("one", "two"):
        plant.wait_for_state("offline", line)
    assert "WARNING" not in service.log


def test_mosquittos_own_client_sees_the_contract(plant):
    plant.start()
    plant.wait_for_decisions(1)
    command = ["mosquitto_sub", "-V", "5", "-p", str(plant.broker.port), "-t", "sorter/plant/one/#", "-q", "1"]
    form = "%t|%q|%r|%E|%p"
    told = subprocess.run(
        [*command, "-F", form, "-C", "5"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    seen: dict[str, list[list[str]]] = {}
    for line in told.splitlines():
        topic, *rest = line.split("|", 4)
        seen.setdefault(topic.rpartition("/")[2], []).append(rest)
    for leaf in ("state", "recipe"):
        qos, retained, _, payload = seen[leaf][0]
        assert (qos, retained) == ("1", "1")
        schema("recipe_in_force" if leaf == "recipe" else leaf).validate(json.loads(payload))
    for qos, retained, expires_s, payload in seen["decision"]:
        schema("decision").validate(json.loads(payload))
        assert (qos, retained) == ("1", "0")
        assert 0 < int(expires_s) <= 4


def test_a_broker_that_comes_back_is_told_everything_and_decisions_go_on(plant, read):
    plant.start()
    plant.wait_for_decisions(1)
    plant.broker.stop()
    plant.wait_for("the connection is missed", lambda: plant.metric("sorter_mqtt_connected", line="one") == 0)
    assert plant.service.get("/readyz")[0] == 503
    before = plant.metric("sorter_decisions_total", line="one")
    plant.wait_for("it decides meanwhile", lambda: plant.metric("sorter_decisions_total", line="one") > before)
    plant.broker.start()
    plant.wire = read(plant.broker.port)
    plant.wait_for_state("running")
    plant.wait_for("the recipe", lambda: plant.messages("recipe"))
    plant.wait_for("that there is no candidate", lambda: plant.messages("shadow"))
    plant.wait_for_decisions(3)
    numbers = [one["seq"] for one in plant.decisions()]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 1
    plant.wait_for("it is ready again", lambda: plant.service.get("/readyz")[0] == 200)


def test_the_service_starts_without_a_broker_and_finds_it_later(plant, read):
    plant.broker.stop()
    service = plant.start()
    plant.wait_for("it tells", lambda: "no connection to the MQTT broker" in service.log)
    plant.wait_for("it decides", lambda: "line one is degraded: no connection to the MQTT broker" in service.log)
    plant.broker.start()
    plant.wire = read(plant.broker.port)
    plant.wait_for_decisions(1)
    plant.wait_for_state("running")


def test_a_killed_service_leaves_its_last_will_and_no_line_behind(plant):
    service = plant.start({}, {"name": "two"})
    plant.wait_for_decisions(1)
    plant.wait_for_decisions(1, "two")
    lines = service.lines
    assert len(lines) == 2
    service.end(signal.SIGKILL)
    for line in ("one", "two"):
        will = plant.wait_for_state("offline", line)
        assert will["reason"] == "the connection to the sorter was lost without a farewell"
    _, alive = psutil.wait_procs(lines, timeout=5)
    assert not alive


def test_a_killed_line_comes_back_and_the_other_loses_nothing(plant):
    plant.start({}, {"name": "two"})
    for line in ("one", "two"):
        plant.wait_for_decisions(2, line)
    victim = plant.service.lines[0]
    before, other_before = len(plant.decisions()), len(plant.decisions("two"))
    victim.kill()
    plant.wait_for("it came back", lambda: plant.metric("sorter_line_restarts_total", line="one") == 1)
    plant.wait_for_decisions(before + 4)
    states = [(one["state"], one["cause"], one["reason"]) for one in plant.messages("state")]
    assert ("halted", "line_process_lost", "the line's process was killed by signal 9") in states
    assert states[-1][0] == "running"
    for key in ("seq", "product"):
        assert consecutive([one[key] for one in plant.decisions()])
        assert consecutive([one[key] for one in plant.decisions("two")])
    assert len({one["boot_id"] for one in plant.decisions()}) == 1
    assert {one["state"] for one in plant.messages("state", "two")} == {"starting", "running"}
    assert plant.metric("sorter_line_restarts_total", line="two") == 0
    assert longest_gap_s(plant.decisions("two")[other_before - 1 :]) < 2.0  # however busy the machine
    assert plant.metric("sorter_frames_total", line="one", fate="processed") > 30
    for line in ("one", "two"):
        for one_sum in ("products", "decisions"):
            assert plant.metric("sorter_ledger_unaccounted", line=line, sum=one_sum) == 0
        assert plant.metric("sorter_ledger_products_total", line=line) >= before
    # Each line of the log says when and how grave, the lines' own too.
    assert {line.split()[2] for line in plant.service.log.splitlines()} == {"INFO", "WARNING", "ERROR"}


def longest_gap_s(decisions: list[dict[str, Any]]) -> float:
    """The longest time between two decisions; the simulated products are 0.24 to 0.4 s apart."""
    times_s = [datetime.fromisoformat(one["captured_at"]).timestamp() for one in decisions]
    return max(later - earlier for earlier, later in pairwise(times_s))


def test_a_frozen_line_is_killed_and_started_again_and_readiness_tells_the_truth_meanwhile(plant):
    service = plant.start()
    plant.wait_for_decisions(1)
    plant.wait_for("it is ready", lambda: service.get("/readyz")[0] == 200)
    assert json.loads(service.get("/healthz")[1])["ok"] is True
    assert service.get("/nothing")[0] == 404
    (frozen,) = service.lines
    frozen.suspend()
    began_s = time.monotonic()
    plant.wait_for("it is ready no longer", lambda: service.get("/readyz")[0] == 503, 15.0)
    assert 4 < time.monotonic() - began_s < 8
    assert "line one is " in json.loads(service.get("/readyz")[1])["why"]
    assert service.get("/healthz")[0] == 200
    before = len(plant.decisions())
    plant.wait_for_decisions(before + 2)
    assert not frozen.is_running()
    assert plant.state() == "running"
    assert any("said nothing for" in one["reason"] for one in plant.messages("state"))
    assert consecutive([one["seq"] for one in plant.decisions()])


def test_a_frozen_line_does_not_keep_the_service_from_stopping_in_time(plant):
    service = plant.start({}, {"name": "two"})
    plant.wait_for_decisions(1)
    plant.wait_for_decisions(1, "two")
    service.lines[0].suspend()
    code, took_s = service.end(signal.SIGTERM)
    assert code == 0
    assert took_s < 3.3
    for line in ("one", "two"):
        plant.wait_for_state("offline", line)


def test_a_frozen_broker_does_not_keep_the_service_from_stopping_in_time(plant):
    service = plant.start()
    plant.wait_for_decisions(1)
    plant.broker.freeze()
    code, took_s = service.end(signal.SIGTERM)
    plant.broker.thaw()
    assert code == 0
    assert took_s < 3.3


def test_the_metrics_are_what_prometheus_reads_and_count_what_was_published(plant):
    plant.start()
    plant.wait_for_decisions(3)
    told = plant.service.get("/metrics")[1]
    families = {family.name: family for family in text_string_to_metric_families(told)}
    ours = "decisions products frames decision_age_seconds processing_seconds line_state line_restarts mqtt_connected "
    ours += "ledger_products ledger_deliveries ledger_unaccounted ledger_closed recipe_info build_info"
    assert {f"sorter_{name}" for name in ours.split()} <= set(families)
    states = {sample.labels["state"]: sample.value for sample in families["sorter_line_state"].samples}
    assert states == {**dict.fromkeys(("starting", "ready", "degraded", "halted", "offline"), 0.0), "running": 1.0}
    decided = sum(sample.value for sample in families["sorter_decisions"].samples if sample.name.endswith("_total"))
    assert abs(decided - len(plant.decisions())) <= 1
    names = {label for family in families.values() for sample in family.samples for label in sample.labels}
    assert not names & {"product", "decision_id", "boot_id", "client"}


def test_confirmations_are_counted_once_each(plant, wait_for):
    plant.start()
    plant.wait_for_decisions(1)
    (decision, *_) = plant.decisions()
    answer = {"schema": "sorter.confirm/1", "decision_id": decision["decision_id"], "outcome": "actuated"}
    for payload in (json.dumps(answer), json.dumps(answer), "not a confirm"):
        plant.wire.client.publish("sorter/plant/one/confirm", payload, qos=1)
    wait_for("it is counted", lambda: plant.metric("sorter_ledger_closed_total", outcome="actuated") == 1)


def test_a_silent_diverter_is_alarmed_until_it_answers(plant, wait_for):
    plant.start({"confirmation": {"within_s": 0, "alarm_after": 1}})

    def alarms() -> list[bool]:
        return [one["raised"] for one in plant.messages("alarm") if one["cause"] == "unconfirmed"]

    def answer() -> None:
        for decision in plant.decisions():
            told = {"schema": "sorter.confirm/1", "decision_id": decision["decision_id"], "outcome": "missed"}
            plant.wire.client.publish("sorter/plant/one/confirm", json.dumps(told), qos=1)

    wait_for("it is raised", lambda: alarms() == [True], 20)
    assert plant.metric("sorter_ledger_closed_total", outcome="unconfirmed") >= 1
    wait_for("it clears", lambda: (answer(), alarms()[-1] is False)[1])
    families = list(text_string_to_metric_families(plant.service.get("/metrics")[1]))
    sums = {family.name: sum(one.value for one in family.samples) for family in families}
    assert sums["sorter_ledger_products"] == sums["sorter_ledger_verdicts"]
    assert sums["sorter_ledger_decisions"] == sums["sorter_ledger_deliveries"] + sums["sorter_ledger_waiting"]


def test_an_absent_camera_halts_the_line_with_a_reason_and_is_tried_again(plant, data):
    film = plant.folder / "film.mp4"
    plant.start({"source": {"kind": "file", "path": "film.mp4", "realtime": True}}, {"name": "two"})
    state = plant.wait_for_state("halted")
    assert state["cause"] == "camera_lost"
    assert state["reason"] == f"{film}: no such film: check source.path"
    plant.wait_for_state("running", "two")
    film.symlink_to(data / "belt_videos" / "threezinedine_conveyor_packs.mp4")
    plant.wait_for_state("running")
    alarms = plant.messages("alarm")
    for alarm in alarms:
        schema("alarm").validate(alarm)
    assert [(one["cause"], one["raised"]) for one in alarms] == [("camera_lost", True), ("camera_lost", False)]
    assert alarms[0]["since"] == alarms[1]["since"]
    assert not plant.messages("alarm", "two")


def test_a_film_at_its_end_halts_its_line_and_ends_a_service_that_has_no_other(plant, data):
    film = data / "belt_videos" / "intel_bolt-multi-size-detection_preview.gif"
    service = plant.start({"source": {"kind": "file", "path": str(film)}})
    assert service.process.wait(20) == 0
    states = [(one["state"], one["cause"]) for one in plant.messages("state")]
    assert states[-2:] == [("halted", "film_ended"), ("offline", None)]


def test_a_refused_line_is_halted_and_the_others_go_on(plant):
    plant.start({"region": {"x": 300, "y": 0, "width": 100, "height": 100}}, {"name": "two"})
    state = plant.wait_for_state("halted")
    assert state["cause"] == "configuration_refused"
    assert "reaches outside the picture, which is 320 x 180 pixels" in state["reason"]
    plant.wait_for_decisions(2, "two")
    assert plant.service.process.poll() is None


def test_a_service_whose_every_line_is_refused_ends_with_exit_code_78(plant):
    service = plant.start({"region": {"x": 300, "y": 0, "width": 100, "height": 100}})
    assert service.process.wait(20) == 78
    assert service.out == ""
    (last,) = service.log.splitlines()[-1:]
    place, sentence = last.split(": ", 1)
    assert place.startswith(str(plant.folder / "sorter.yaml") + ":")
    assert sentence.startswith("the region (x 300 to 400, y 0 to 100) reaches outside the picture")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield int(taken.getsockname()[1])


def test_a_metrics_port_that_is_taken_is_told_before_anything_is_started(plant, taken_port):
    service = plant.start(metrics={"port": taken_port})
    assert service.process.wait(20) == 78
    assert service.out == ""
    (line,) = service.log.splitlines()
    place, sentence = line.split(": ", 1)
    assert place.startswith(str(plant.folder / "sorter.yaml") + ":")
    assert sentence == (
        f"metrics: cannot listen on 127.0.0.1:{taken_port} (Address already in use): choose another host or port"
    )
    assert not plant.wire.messages


def test_a_password_that_is_not_there_is_told_with_its_place_before_anything_is_started(plant):
    service = plant.start(mqtt={"port": plant.broker.port, "username": "me", "password_env": "NOT_SET_ANYWHERE"})
    assert service.process.wait(20) == 78
    (line,) = service.log.splitlines()
    assert line.startswith(str(plant.folder / "sorter.yaml") + ":")
    assert "mqtt.password_env: the environment variable NOT_SET_ANYWHERE is not set" in line


def test_a_service_stopped_while_it_starts_leaves_nothing_and_no_traceback(plant, start_sorter):
    config = plant.write({}, {"name": "two"})
    for _ in range(2):
        service = start_sorter("run", "--config", config)
        plant.wait_for("its first line is there", lambda service=service: service.lines)
        code, took_s = service.end(signal.SIGINT, group=True)
        assert code == 0
        assert took_s < 3
        assert "KeyboardInterrupt" not in service.log
