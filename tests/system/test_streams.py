"""The service on network cameras that fail: each fault once, a neighbor that dies, and a password that stays secret."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from benchmarks.camera.process import CameraServer, Login
from benchmarks.camera.reel import BeltReel, belt_encoding, make_belt_reel
from benchmarks.camera.truth import Interval
from benchmarks.faults import SHORT, FaultsResult, TrialResult, measure_faults
from benchmarks.rig import LOGIN, Rig, live_belt, open_rig

pytestmark = [pytest.mark.system, pytest.mark.alone]

LEAD_IN_S = 8.0
FAULTS = [trial.name for trial in SHORT.trials]
KILLS = 6
RATE_HZ = 15.0


def reel_of(seconds: float) -> Path:
    belt = live_belt((640, 360), RATE_HZ, LEAD_IN_S)
    frames = round(seconds * RATE_HZ)
    return make_belt_reel(BeltReel(belt.source, belt.degrees, frames, belt_encoding(belt.source, 1_000_000)))


@pytest.fixture(scope="module", autouse=True)
def _camera(camera_reason: str | None) -> None:
    if camera_reason is not None:
        pytest.skip(camera_reason)


@pytest.fixture(scope="module")
def faults() -> FaultsResult:
    return measure_faults(SHORT)


@pytest.fixture(params=FAULTS)
def trial(request: pytest.FixtureRequest, faults: FaultsResult) -> TrialResult:
    return faults.trials[FAULTS.index(request.param)]


@pytest.mark.timeout(240)  # the first one draws the reel, and goes through all faults
def test_without_faults_every_product_is_decided_right(faults: FaultsResult) -> None:
    assert faults.plain.score.clean
    assert faults.plain.score.products > 3
    assert not faults.plain.states


def test_a_fault_is_told_in_time_and_clears(trial: TrialResult) -> None:
    assert trial.told_late_s < 2.0, trial
    assert trial.told is None or trial.running_after_s is not None, trial


def test_no_decision_is_made_from_what_a_fault_shows(trial: TrialResult) -> None:
    assert trial.false == 0, trial


def test_sorting_goes_on_soon_after_a_fault(trial: TrialResult) -> None:
    assert trial.resumed_after_s < 3.0, trial
    assert trial.score.missed == 0, trial
    assert not trial.score.not_routed, trial


@pytest.mark.timeout(240)
def test_a_line_that_is_killed_again_and_again_costs_its_neighbor_nothing() -> None:
    belt = live_belt((640, 360), RATE_HZ, LEAD_IN_S)
    reel = reel_of(120.0)
    with open_rig(belt, {"victim": reel, "neighbor": reel}) as rig:
        for line in ("victim", "neighbor"):
            rig.wait_for(f"{line} runs", lambda line=line: rig.sorts(line))
        victim, neighbor = sorted(rig.processes()[1], key=lambda one: one.pid)
        for _ in range(KILLS):
            victim.kill()
            victim = next_process(rig, victim, neighbor)
        rig.wait_for("the victim runs again", lambda: rig.sorts("victim"))
        came_back_s = rig.now_s
        rig.wait_for("it decides right", lambda: decided_right(rig, "victim", came_back_s))
        end_s = rig.now_s - 0.5
        assert rig.metric("sorter_line_restarts_total", line="victim") == KILLS
        assert rig.metric("sorter_line_restarts_total", line="neighbor") == 0
        score = rig.score("neighbor", Interval(LEAD_IN_S, end_s))
        assert score.clean, score
        assert score.products > 30
        states = [one.content["state"] for one in rig.states("neighbor")]
        told = [(one.content["state"], one.content["cause"]) for one in rig.states("neighbor")]
        assert set(states[states.index("running") :]) == {"running"}, told


def next_process(rig: Rig, before: psutil.Process, neighbor: psutil.Process) -> psutil.Process:
    found: list[psutil.Process] = []

    def started() -> bool:
        found[:] = [one for one in rig.processes()[1] if one.pid not in {before.pid, neighbor.pid}]
        return bool(found)

    rig.wait_for("the line's next process", started, timeout_s=20.0)
    return found[0]


def decided_right(rig: Rig, line: str, since_s: float) -> bool:
    return any(pair.right for pair in rig.truth.pair(rig.decisions(line)) if pair.decision.decided_s > since_s)


def spellings(login: Login) -> list[str]:
    """How the password would look in an address, in JSON, and in basic authentication."""
    basic = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    return [login.password, quote(login.password, safe=""), json.dumps(login.password)[1:-1], basic]


def answers(rig: Rig) -> Iterator[str]:
    for path in ("metrics", "healthz", "readyz"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{rig.metrics_port}/{path}", timeout=5) as answer:
                yield answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                yield refused.read().decode()


def everything_said(rig: Rig) -> str:
    service, lines = rig.processes()
    said = [rig.service.complaints.read_text("utf-8"), *answers(rig)]
    said += [one.topic + one.text for one in rig.wire.everything]
    said += [" ".join(process.cmdline()) for process in (service, *lines)]
    return "\n".join(said)


def test_the_password_is_nowhere_while_the_camera_comes_and_goes() -> None:
    belt = live_belt((640, 360), RATE_HZ, LEAD_IN_S)
    with open_rig(belt, {"one": reel_of(40.0)}) as rig:
        rig.wait_for("the line runs", lambda: rig.sorts("one"))
        rig.cables["one"].cut(refuse=True)
        rig.wait_for("the loss is told", lambda: rig.state("one") == "halted")
        rig.cables["one"].restore()
        rig.wait_for("the line runs again", lambda: rig.sorts("one"))
        said = everything_said(rig)
    assert "camera_lost" in said
    assert not [spelling for spelling in spellings(LOGIN) if spelling in said]


def test_a_refused_password_is_told_without_it() -> None:
    belt = live_belt((640, 360), RATE_HZ, LEAD_IN_S)
    wrong = Login(LOGIN.user, "wr0ng:w@rd/5")
    with open_rig(belt, {"one": reel_of(40.0)}, login=wrong) as rig:
        rig.wait_for("the refusal is told", lambda: rig.state("one") == "halted")
        said = everything_said(rig)
    assert "refuses the user name or password" in said
    assert not [spelling for spelling in spellings(wrong) if spelling in said]


@pytest.mark.parametrize(("port", "told"), [(None, "refuses the user name or password"), (1, "cannot be reached")])
def test_sort_tells_of_a_camera_in_vain_without_its_password(port, told, run_sorter) -> None:
    wrong = Login(LOGIN.user, "wr0ng:w@rd/5")
    with CameraServer({"one": reel_of(40.0)}, login=LOGIN) as server:
        login = f"{wrong.user}:{quote(wrong.password, safe='')}"
        url = f"rtsp://{login}@127.0.0.1:{port or server.port}/one"
        done = run_sorter("sort", url, "--config", Path(__file__).parents[2] / "config")
    assert done.returncode == 1
    assert told in done.stderr
    assert not [spelling for spelling in spellings(wrong) if spelling in done.stdout + done.stderr]
