"""The commands as users run them, on real films and photographs, and on what is wrong."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from benchmarks.camera.process import CameraServer
from benchmarks.camera.reel import make_film_reel

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "config" / "examples"
SCHEMA = json.loads((ROOT / "config/schema/decision.schema.json").read_text("utf-8"))
FILMS = {
    "fruit": ("intel_fruit-and-vegetable-detection_preview.gif", ["light green", "dark green", "white", "orange"]),
    "packs": ("threezinedine_conveyor_packs.mp4", ["white", "yellow", "blue"]),
    "bolt": ("intel_bolt-multi-size-detection_preview.gif", ["silver"]),
}


def rows_of(told: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.stdout.splitlines()]


@pytest.fixture(scope="session", params=FILMS)
def film(request, data) -> tuple[str, Path, list[str]]:
    """An example's name, its film, and the bins its products belong in."""
    name, bins = FILMS[request.param]
    with (data / "belt_videos" / "ground_truth.csv").open(encoding="utf-8") as file:
        truth = [row for row in csv.DictReader(file) if row["video"] == name]
    assert len(truth) == len(bins)
    return request.param, data / "belt_videos" / name, bins


@pytest.fixture(scope="session")
def frames(film, tmp_path_factory) -> Path:
    """A folder with the film's frames."""
    folder = tmp_path_factory.mktemp("frames")
    with av.open(str(film[1])) as container:
        for number, frame in enumerate(container.decode(video=0)):
            frame.to_image().save(folder / f"{number}.png", compress_level=1)
    return folder


def test_every_product_of_a_real_film_is_decided_once_in_order_and_right(film, run_sorter):
    example, path, bins = film
    told = run_sorter("sort", path, "--config", EXAMPLES / f"{example}.yaml", "--json")
    assert (told.returncode, told.stderr) == (0, "")
    rows = rows_of(told)
    assert [(row["verdict"], row["bin"]) for row in rows] == [("routed", name) for name in bins]
    assert [row["product"] for row in rows] == [row["seq"] for row in rows] == list(range(1, len(bins) + 1))
    for row in rows:
        Draft202012Validator(SCHEMA).validate(row)


def test_a_folder_of_a_films_frames_is_decided_like_the_film(film, frames, run_sorter):
    example, _, bins = film
    told = run_sorter("sort", frames, "--config", EXAMPLES / f"{example}.yaml", "--json")
    assert (told.returncode, told.stderr) == (0, "")
    assert [(row["verdict"], row["bin"]) for row in rows_of(told)] == [("routed", name) for name in bins]


def test_the_table_of_a_film_names_each_product_and_the_totals(data, run_sorter):
    name, bins = FILMS["fruit"]
    told = run_sorter("sort", data / "belt_videos" / name, "--config", EXAMPLES / "fruit.yaml")
    heading, *products, totals = told.stdout.splitlines()
    assert totals == "4 products decided: 4 routed"
    at = heading.index("bin")
    assert [row[at:].startswith(one) for row, one in zip(products, bins, strict=True)] == [True] * 4


def test_a_corrupt_frame_of_a_film_is_skipped_and_counted(data, run_sorter, tmp_path):
    name, bins = FILMS["packs"]
    film = tmp_path / "damaged.mp4"
    content = bytearray((data / "belt_videos" / name).read_bytes())
    with av.open(str(data / "belt_videos" / name)) as container:
        packet = [one for one in container.demux(video=0) if one.size][20]
    content[packet.pos + 8 : packet.pos + packet.size] = bytes(packet.size - 8)
    film.write_bytes(content)
    told = run_sorter("sort", film, "--config", EXAMPLES / "packs.yaml", "--json")
    assert told.returncode == 0
    assert [row["bin"] for row in rows_of(told)] == bins
    (line,) = told.stderr.splitlines()
    sentence, _, count = line.rpartition(": ")
    assert sentence == f"{film}: corrupt frames skipped"
    assert int(count) >= 1


@pytest.fixture
def camera(data, tmp_path, camera_reason) -> Iterator[str]:
    """The address of a network camera that begins to show the film of packs, once, when somebody looks."""
    if camera_reason is not None:
        pytest.skip(camera_reason)
    reel = make_film_reel(data / "belt_videos" / FILMS["packs"][0], tmp_path)
    with CameraServer({"film": reel}, options=["--on-demand"]) as server:
        yield server.url("film")


def test_a_network_camera_is_decided_like_the_film_and_its_end_is_a_fault(camera, run_sorter):
    told = run_sorter("sort", camera, "--config", EXAMPLES / "packs.yaml", "--json")
    assert [(row["verdict"], row["bin"]) for row in rows_of(told)] == [("routed", name) for name in FILMS["packs"][1]]
    assert (told.returncode, told.stderr) == (1, f"{camera}: the stream ended: check the camera\n")


def grey_film(path: Path) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (160, 120))
    for number in range(40):
        picture = np.repeat(np.roll(np.linspace(20, 220, 160), 3 * number)[None, :, None], 120, axis=0)
        writer.write(np.repeat(picture, 3, axis=2).astype(np.uint8))
    writer.release()
    return path


def test_a_greyscale_camera_is_told_for_films_and_folders(data, run_sorter, tmp_path):
    for source in (grey_film(tmp_path / "grey.mp4"), data / "candy_line" / "mono_frames"):
        told = run_sorter("sort", source, "--config", EXAMPLES / "packs.yaml", "--json")
        assert (told.returncode, told.stdout) == (1, "")
        (line,) = told.stderr.splitlines()
        assert line.startswith(str(source))
        assert line.endswith("the picture is greyscale and has no color to sort by: use a camera set to color")


def write_boxes(path: Path, rows: Iterable[Mapping[str, str]], pictures: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["file", "color", "x0", "y0", "x1", "y1"])
        writer.writeheader()
        writer.writerows({**row, "file": str(pictures / row["file"])} for row in rows)
    return path


@pytest.fixture(scope="session")
def plates(data) -> list[dict[str, str]]:
    """Every candy of the plates: its picture, its box and its color."""
    with (data / "candy_plates" / "boxes.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def every_other_picture(rows: Sequence[Mapping[str, str]], first: int) -> set[str]:
    return set(sorted({row["file"] for row in rows})[first::2])


def recording_run(rows: Sequence[Mapping[str, str]], number: int) -> set[str]:
    return {row["file"] for row in rows if f"_run{number}_" in row["file"]}


@pytest.mark.parametrize(
    ("split", "part"),
    # Between the two recordings the light and the candies differ.
    [(every_other_picture, 0), (every_other_picture, 1), (recording_run, 1), (recording_run, 2)],
)
def test_candies_of_some_plates_teach_bins_that_sort_the_others(  # noqa: PLR0913, PLR0917 - four are fixtures
    split, part, plates, data, run_sorter, tmp_path
):
    pictures = split(plates, part)
    to_teach = write_boxes(
        tmp_path / "a.csv", (row for row in plates if row["file"] in pictures), data / "candy_plates"
    )
    others = [row for row in plates if row["file"] not in pictures]
    to_decide = write_boxes(tmp_path / "b.csv", others, data / "candy_plates")
    recipe = tmp_path / "candy.yaml"
    told = run_sorter("teach", "--recipe", recipe, "--boxes", to_teach)
    assert (told.returncode, told.stderr) == (0, "")
    told = run_sorter("decide", "--boxes", to_decide, "--recipe", recipe, "--json")
    assert (told.returncode, told.stderr) == (0, "")
    decided = rows_of(told)
    assert [row["ref"]["x0"] for row in decided] == [row["x0"] for row in others]
    fates = Counter(row["bin"] == row["ref"]["color"] if row["bin"] else row["verdict"] for row in decided)
    assert fates[False] == 0, "none may go to another color's branch"
    assert fates[True] >= 0.998 * len(decided)
    assert "warning" not in run_sorter("check", recipe).stdout


def test_without_box_columns_every_row_is_a_whole_picture(data, run_sorter):
    labels = data / "fruit" / "labels.csv"
    told = run_sorter("decide", "--boxes", labels, "--recipe", ROOT / "config/recipes/demo.yaml", "--json")
    assert (told.returncode, told.stderr) == (0, "")
    with labels.open(encoding="utf-8") as file:
        assert [row["ref"] for row in rows_of(told)] == list(csv.DictReader(file))


def without_rights(command: Sequence[str]) -> list[str]:
    """The command as one who may not read what its rights forbid: root may read everything."""
    if os.geteuid() != 0:
        return list(command)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root may read every file, and setpriv is not installed")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", *command]


@pytest.mark.parametrize(
    ("arguments", "locked", "code", "beginning"),
    [
        (
            ["check", "config"],
            "config/sorter.yaml",
            78,
            "config/sorter.yaml: the file cannot be read (Permission denied)",
        ),
        (["check", "config"], "config", 78, "config: the folder cannot be read (Permission denied)"),
        (["run", "--config", "config"], "config/recipes/demo.yaml", 78, "config/recipes/demo.yaml: the file cannot be"),
        (["sort", "film.gif", "--config", "config"], "film.gif", 1, "{here}/film.gif: the film cannot be read"),
        (["sort", "frames", "--config", "config"], "frames", 1, "{here}/frames: cannot be opened (Permission denied)"),
        (["sort", "frames/film.gif", "--config", "config"], "frames", 1, "frames/film.gif: cannot be looked at (Perm"),
        (
            ["decide", "red.png", "--config", "config"],
            "red.png",
            1,
            "red.png: not a readable picture (Permission denied)",
        ),
        (["decide", "--boxes", "a.csv", "--config", "config"], "a.csv", 1, "a.csv: cannot be read (Permission denied)"),
    ],
)
def test_what_may_not_be_read_is_told_in_one_sentence(arguments, locked, code, beginning, tmp_path):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "frames").mkdir()
    (tmp_path / "film.gif").write_bytes(b"GIF89a")
    (tmp_path / "a.csv").write_text("file\nred.png\n")
    cv2.imwrite(str(tmp_path / "red.png"), np.full((30, 40, 3), (44, 32, 200), np.uint8))
    (tmp_path / locked).chmod(0)
    command = without_rights([sys.executable, str(ROOT / "run_sorter.py"), *arguments])
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    (tmp_path / locked).chmod(0o700)
    assert told.returncode == code, told.stderr
    (line,) = told.stderr.splitlines()
    assert line.startswith(beginning.format(here=tmp_path))


def test_every_hostile_file_is_told_in_one_sentence_each(data, run_sorter):
    files = sorted(one for one in (data / "malformed").iterdir() if one.name != "LICENSE")
    told = run_sorter("decide", *files, "--recipe", ROOT / "config/recipes/demo.yaml", "--json")
    assert told.returncode == 1
    assert len(told.stdout.splitlines()) + len(told.stderr.splitlines()) == len(files)
    assert all(line.startswith(str(data / "malformed")) for line in told.stderr.splitlines())


def test_ctrl_c_breaks_a_film_off_without_a_traceback(data, start_sorter, wait_for, tmp_path):
    film = tmp_path / "long.mp4"
    write_many_times(data / "belt_videos" / FILMS["packs"][0], film, times=30)  # longer than anybody waits
    sorter = start_sorter("sort", film, "--config", EXAMPLES / "packs.yaml", "--json")
    wait_for("the first product", lambda: sorter.out)
    code, took_s = sorter.end(signal.SIGINT, group=True)
    assert (code, sorter.log) == (130, "")
    assert took_s < 3
    assert all(json.loads(line) for line in sorter.out.splitlines())


def write_many_times(film: Path, target: Path, times: int) -> None:
    """The film's packets one time after the other, as they are."""
    with av.open(str(film)) as source, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        packets = [one for one in source.demux(video=0) if one.size]
        length = packets[-1].pts + (packets[-1].duration or 1)
        for lap in range(times):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.pts, copy.dts = packet.pts + lap * length, packet.dts + lap * length
                copy.time_base, copy.is_keyframe = packet.time_base, packet.is_keyframe
                copy.stream = stream
                container.mux(copy)
