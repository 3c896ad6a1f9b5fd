"""The benchmarks run and say what they promise to say; how fast this machine is, no test can tell."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from benchmarks.accuracy import AccuracyPlan, measure_accuracy
from benchmarks.backtest import BacktestPlan, measure_backtest
from benchmarks.belt import BenchBelt
from benchmarks.campaign import CampaignPlan
from benchmarks.converged import CONVERGED
from benchmarks.crops import HEIGHT_PX, WIDTH_PX, large_crops, product_crops
from benchmarks.engine import DECISION, LLOYD_FLOOR, READ_FLOOR
from benchmarks.film import Encoding, FilmLoop, encode
from benchmarks.halves import decide_rest
from benchmarks.neighbor import busy_neighbor
from benchmarks.peers.process import PeerError, open_peers
from benchmarks.regions import Reading
from benchmarks.search import SearchPlan, measure_search
from benchmarks.stages import StageWatch
from benchmarks.table import Limit, Table
from benchmarks.teach import teach
from benchmarks.timing import Spread, Turns
from benchmarks.ways import OWN_WAYS, open_ways
from sorter.color.bins import Bins
from sorter.color.lab import rgb_to_lab
from sorter.records import ColorReading, Lab, PaletteColor

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(sys.executable)
SPREAD = {"count", "mean_ms", "median_ms", "p99_ms"}


def _run(*arguments: str) -> Mapping[str, Any]:
    command = [sys.executable, "-m", "benchmarks", *arguments, "--short", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout)
    assert {"machine", "short", *arguments[:1]} == set(found)
    assert {"cores", "python", "libraries", "load"} <= set(found["machine"])
    return found


def test_backtest_runs_the_command_on_a_journal_of_copies() -> None:
    found = measure_backtest(BacktestPlan(seconds=6, products=60, sample=8, limit_s=60))
    assert (found.products, found.failed) == (60, False)
    assert 0 < found.distinct < 60
    assert found.products_per_s == pytest.approx(60 / found.wall_s)
    assert next(table.title for table in found.tables()).startswith("backtest: ")


def test_speed_tells_of_each_belt_its_frames_their_stages_and_the_decoding_beside_them() -> None:
    speed = _run("speed")["speed"]
    assert [belt["belt"] for belt in speed["belts"]] == ["1 lane", "3 lanes", "empty"]
    for belt in speed["belts"]:
        assert all(set(belt[what]) == SPREAD for what in ("sort", "decode", "decode_more", "convert"))
        stages = {stage["name"]: stage["mean_ms"] for stage in belt["stages"]}
        assert {"crop and cells", "belt: follow", "dominant color", "bins", "the rest"} <= set(stages)
        assert belt["decodes"] == pytest.approx(belt["sort"]["mean_ms"] / belt["decode"]["mean_ms"])
    assert speed["belts"][0]["decisions"] > 0
    assert speed["belts"][2]["decisions"] == 0
    assert {limit["limit"] for limit in speed["limits"]} == {3.0, 1.5}


def test_engine_times_a_whole_decision_beside_all_ways_and_the_floor(tmp_path: Path) -> None:
    engine = _run("engine", "--no-peers", "--data", str(tmp_path))["engine"]
    large, small = engine["sets"]
    assert "simulated" in large["what"]
    assert large["mean_size_px"] == [WIDTH_PX, HEIGHT_PX]
    expected = {DECISION, READ_FLOOR, LLOYD_FLOOR, *(way.name for way in OWN_WAYS[1:])}
    for one in (large, small):
        assert {way["way"] for way in one["ways"]} == expected
        assert all(set(way["time"]) == SPREAD for way in one["ways"])
    assert {(one["beside"], one["clock"]) for one in engine["spreads"]} == {
        (beside, clock) for beside in ("nothing", "a busy process") for clock in ("processor", "wall")
    }
    assert engine["left_out"] == "not asked for"
    assert [limit["limit"] for limit in engine["limits"]] == [1.0, 3.0, 3.0]


def test_search_gives_the_answers_of_a_scan() -> None:
    result = measure_search(SearchPlan(pictures=2000, passes=1))
    assert all(one.equal for one in result.queries)
    assert sum(one.found > 0 for one in result.queries) >= 6


def test_shadow_times_the_same_decisions_with_and_without_a_candidate() -> None:
    (cost,) = _run("shadow")["shadow"]["costs"]
    assert set(cost["without"]) == set(cost["with_shadow"]) == set(cost["tally"]) == SPREAD
    assert cost["without"]["count"] == cost["with_shadow"]["count"] == cost["tally"]["count"] > 0
    assert cost["times"] == pytest.approx(cost["with_shadow"]["mean_ms"] / cost["without"]["mean_ms"])
    assert 0 < cost["pipe_bytes"] < 1000


def test_accuracy_runs_the_simulator_and_says_which_pictures_are_missing(tmp_path: Path) -> None:
    accuracy = _run("accuracy", "--data", str(tmp_path))["accuracy"]
    assert set(accuracy["skipped"]) == {"candy_plates", "candy_line", "fruit"}
    assert accuracy["converged"] is None
    conditions = accuracy["campaign"]["conditions"]
    assert all({"products", "correct", "wrong", "missed", "extra"} <= set(one) for one in conditions)
    assert sum(one["products"] for one in conditions) > 0


def test_accuracy_compares_all_ways_on_real_pictures(data: Path) -> None:
    plan = AccuracyPlan(CampaignPlan(products=1, every=100), every=15)
    accuracy = measure_accuracy(plan, data, peers=False)
    assert [one.way for one in accuracy.ways] == [way.name for way in OWN_WAYS if way.compared]
    for one in accuracy.ways:
        assert one.candy_plates
        assert one.families
        assert one.fruit
        assert one.candy_line
        assert len(one.candy_plates.halves) == 4
        for half in (*one.candy_plates.halves, *one.families.halves):
            assert half.right + half.wrong + half.unknown + half.ambiguous == half.regions
        assert sum(half.regions for half in one.families.halves) == one.fruit.pictures
        assert sum(sum(row.values()) for row in one.families.said.values()) == one.fruit.pictures
        assert one.candy_line.tried > 0
        assert 0 <= one.fruit.least_share <= one.fruit.median_share <= 1
    assert accuracy.converged
    assert [one.what for one in accuracy.converged.sets] == ["candy_plates", "candy_line", "fruit", "all"]
    assert {limit.limit for limit in accuracy.limits} == {99.8, 1, 100, 0.5, 2.0}
    tables = {table.title: table for table in accuracy.tables()}
    assert len([table for title, table in tables.items() if title.startswith("all ways")]) == 1


def test_colors_that_a_way_cannot_tell_apart_still_make_bins() -> None:
    same = ColorReading((PaletteColor(Lab(50, 10, 10), 1.0),))
    readings = [Reading(f"{number}", truth, {"way": same}, {}) for number, truth in enumerate(("red", "brown") * 4)]
    fates = decide_rest(readings, "way", lambda reading: int(reading.picture) < 4)
    assert [fate.truth for fate in fates] == ["red", "brown"] * 2
    assert len({fate.nearest for fate in fates}) == 1


def test_a_plain_color_converges_to_itself() -> None:
    crop = np.full((40, 60, 3), (44, 32, 200), np.uint8)
    found = CONVERGED.read(crop).color
    assert len(found.palette) == 1
    assert found.dominant.lab == pytest.approx(rgb_to_lab(200, 32, 44), abs=0.01)


def test_large_crops_are_real_where_there_are_pictures(data: Path) -> None:
    crops = large_crops(data, BenchBelt.of_config(), 2)
    assert "running line" in crops.what
    assert {image.shape for image in crops.images} == {(HEIGHT_PX, WIDTH_PX, 3)}
    assert len(crops.images) == 6


def test_every_way_of_our_own_reads_a_plain_color_however_small_the_crop() -> None:
    for height, width in ((1, 1), (3, 40), (64, 48)):
        crop = np.full((height, width, 3), (44, 32, 200), np.uint8)
        colors = [way.read(crop).color.dominant.lab for way in OWN_WAYS]
        assert np.ptp(np.array(colors), axis=0).max() < 0.1


def test_without_other_tools_it_is_said_in_one_sentence_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Path:
        raise PeerError("they could not be installed: no network")

    monkeypatch.setattr("benchmarks.ways.peers_python", refuse)
    with open_ways(peers=True) as ways:
        assert ways.left_out == "they could not be installed: no network"
        assert [way.name for way in ways.all] == [way.name for way in OWN_WAYS]


def test_tools_that_cannot_be_imported_end_in_one_sentence() -> None:
    with pytest.raises(PeerError, match=r"exit code 1; its last words: .*No module named"), open_peers(PYTHON):
        pytest.fail("this Python has none of them")


def test_a_busy_neighbor_ends_with_its_context() -> None:
    own = psutil.Process()
    before = set(own.children())
    with busy_neighbor():
        (started,) = set(own.children()) - before
        assert started.is_running()
    assert not started.is_running()


def test_an_unknown_part_is_refused_in_one_sentence() -> None:
    command = [sys.executable, "-m", "benchmarks", "beauty"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "beauty" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_disturbed_pass_leaves_no_trace_but_in_the_worst() -> None:
    turns = Turns()
    turns._passes = [{"work": [0.001, 0.002]}, {"work": [0.5, 0.002]}, {"work": [0.001, 0.002]}]
    assert turns.times_s("work").tolist() == [0.001, 0.002]
    assert turns.worst_s("work") == 0.5
    assert Spread.of(turns.times_s("work")).mean_ms == pytest.approx(1.5)


def test_every_action_is_timed_once_in_each_turn_and_none_always_comes_first() -> None:
    turns, order = Turns(), []
    turns.begin_pass()
    for _ in range(2):
        turns.take({"a": lambda: order.append("a"), "b": lambda: order.append("b")})
    assert order == ["a", "b", "b", "a"]
    assert len(turns.times_s("a")) == len(turns.times_s("b")) == 2


def test_watching_the_stages_changes_no_decision_and_ends_with_its_context() -> None:
    belt = BenchBelt.of_config()
    watch = StageWatch()
    frames = list(belt.frames(belt.line.belt.learn_s + 0.5))
    plain, watched = (belt.open_pipeline(frames[0]) for _ in range(2))
    expected = [decision for frame in frames for decision in plain.process(frame)]
    with watch.watching():
        found = [decision for frame in frames for decision in watched.process(frame)]
    assert [one.product for one in found] == [one.product for one in expected] != []
    calls = {stage.name: stage.calls_per_frame for stage in watch.stages(len(frames), 1.0)}
    plain.process(frames[-1])
    assert calls == {stage.name: stage.calls_per_frame for stage in watch.stages(len(frames), 1.0)}


def test_a_film_loop_gives_one_frame_at_each_call_and_starts_over(tmp_path: Path) -> None:
    film = tmp_path / "belt.mp4"
    encode(BenchBelt.of_config().frames(0.2), film, Encoding(4_000_000))
    with FilmLoop(film, convert=False) as loop:
        frames = [loop.next_frame() for _ in range(14)]
    assert all(isinstance(one, list) and len(one) == 1 for one in frames)


def test_a_crop_shows_its_product() -> None:
    belt = BenchBelt.of_config()
    crop = next(product_crops(belt))
    bgr = crop.image_bgr[crop.image_bgr.shape[0] // 2, crop.image_bgr.shape[1] // 2].astype(int)
    kind = next(kind for kind in belt.source.products if kind.name == crop.bin)
    wanted = np.array([int(kind.hex[place : place + 2], 16) for place in (5, 3, 1)])
    assert np.abs(bgr - wanted).max() < 60


def test_taught_bins_take_their_own_samples_and_do_not_reach_each_other() -> None:
    taught = {"red": [Lab(50, 60, 40), Lab(52, 58, 41)], "orange": [Lab(60, 40, 60), Lab(61, 39, 58)]}
    bins = Bins.of(teach(taught))
    for name, samples in taught.items():
        for sample in samples:
            match = bins.match((PaletteColor(sample, 1.0),))
            assert (match.bin, match.bins_in_reach) == (name, 1)


def test_a_limit_says_whether_it_holds() -> None:
    assert Limit("mean", 2.9, 3.0, "ms").holds
    assert not Limit("mean", 3.0, 3.0, "ms").holds
    assert Limit("right", 0.995, 0.995, "", at_least=True).holds


def test_figures_stand_under_figures() -> None:
    table = Table("times", ("what", "ms"), [("short", "1.0"), ("a longer one", "12.5")])
    assert list(table.lines()) == ["times", "  what            ms", "  short          1.0", "  a longer one  12.5"]
