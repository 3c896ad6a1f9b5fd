"""``teach``: learn bins from pictures of products whose color is known, into a recipe file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm

from calibration.separability import examine, warnings_of
from calibration.teach import Lesson, teach
from calibration.teach_color import Sample
from calibration.teach_picture import edge_width, glare_share
from sorter import __version__
from sorter.color.dominant import read_color
from sorter.commands.boxes import PictureBox, read_boxes
from sorter.commands.lessons import LessonReport
from sorter.commands.pictures import MIN_SIDE_PX, CutOut, read_color_picture, whole_picture
from sorter.errors import ConfigurationError, Mistake, SourceError, UsageError
from sorter.line import configure_threads
from sorter.settings.bins import Taught
from sorter.settings.recipe import Recipe
from sorter.settings.save import RecipeFile, Revision, TaughtBin, open_recipe, revise, save
from sorter.settings.strict import Name

_COLOR = "color"
_LONGEST_SOURCE = 256
_MOST_PAIRS = 8
_NAME = TypeAdapter(Name)


def execute(options: argparse.Namespace) -> int:
    """Teach, print what was learned, and write the recipe; 1 where a picture could not be used."""
    regions = list(_regions(options))
    _refuse_bad_names(options)
    file = open_recipe(options.recipe)
    _refuse_several_at_once(file, {name for name, _ in regions})
    configure_threads()
    reading = _Reading()
    reading.read(regions)
    lessons = teach(reading.samples, file.recipe)
    revision = revise(file, [_taught_bin(lesson, file, options) for lesson in lessons])
    if not options.dry_run:
        save(revision)
    report = LessonReport(revision, lessons, _warnings(file, revision, lessons, options))
    report.show(as_json=options.json, is_written=not options.dry_run)
    return SourceError.exit_code if reading.failures else 0


def _regions(options: argparse.Namespace) -> Iterator[tuple[str, PictureBox]]:
    """Each sample with the name of its bin."""
    if (options.bin is None) == (options.boxes is None):
        raise UsageError("teach needs its samples from one place: give either --bin NAME IMAGE... or --boxes CSV")
    if bool(options.images) != (options.bin is not None):
        raise UsageError("pictures and --bin NAME belong together: the CSV of --boxes names its own pictures")
    if options.boxes is None:
        return ((options.bin, whole_picture(path)) for path in options.images)
    return ((region.ref[_COLOR], region) for region in read_boxes(options.boxes, {_COLOR: _fault_of_color}))


def _fault_of_color(text: str) -> str | None:
    fault = _fault_of_name(text)
    return f"the column {_COLOR!r} does not name a bin: {fault}" if fault else None


def _fault_of_name(text: str) -> str | None:
    """A sentence on why this cannot be the name of a bin or branch."""
    if not text.strip():
        return "it is empty"
    try:
        _NAME.validate_python(text)
    except ValidationError as error:
        first = error.errors()[0]
        long = first["type"] == "string_too_long"
        return "it has more than 64 characters" if long else first["msg"].removeprefix("Value error, ")
    return None


def _refuse_bad_names(options: argparse.Namespace) -> None:
    for option in ("bin", "branch"):
        name = getattr(options, option)
        fault = None if name is None else _fault_of_name(name)
        if fault:
            raise UsageError(f"--{option} is no good: {fault}")


def _refuse_several_at_once(file: RecipeFile, names: set[str]) -> None:
    """One learned color in place of several would change what the bin asks for."""
    several = [one.name for one in (file.recipe.bins if file.recipe else ()) if one.name in names and one.all_of]
    if several:
        sentence = f"bin {several[0]!r} asks for several colors at once (all_of), which cannot be taught: edit it"
        raise ConfigurationError([Mistake(str(file.path), sentence)])


@dataclass
class _Reading:
    """Collects samples; what cannot be used is told and left out."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failures: int = 0

    def read(self, regions: Sequence[tuple[str, PictureBox]]) -> None:
        self.samples = {name: [] for name, _ in regions}
        with tqdm(total=len(regions), unit=" samples", disable=None, file=sys.stderr, leave=False) as progress:
            for _, some in groupby(regions, key=lambda one: one[1].path):
                self._read_picture(list(some))
                progress.update(sum(map(len, self.samples.values())) + self.failures - progress.n)
        for name, samples in self.samples.items():
            if not samples:
                raise SourceError(f"there is no usable sample of bin {name!r}: nothing was written")

    def _read_picture(self, regions: Sequence[tuple[str, PictureBox]]) -> None:
        try:
            picture = read_color_picture(regions[0][1].path)
        except SourceError as error:
            self._fail(str(error), len(regions))
            return
        height, width = picture.image_bgr.shape[:2]
        for name, region in regions:
            box = region.within(width, height)
            if min(box.width, box.height) < MIN_SIDE_PX:
                self._fail(f"{region.name}: the sample is {box.width} x {box.height} pixels: too small to be read", 1)
                continue
            sample = _sample(region.name, picture.within(box))
            if sample is None:
                self._fail(f"{region.name}: nothing of the sample shows a color: it is all glare, or transparent", 1)
            else:
                self.samples[name].append(sample)

    def _fail(self, sentence: str, count: int) -> None:
        with tqdm.external_write_mode(file=sys.stderr):
            sys.stderr.write(f"{sentence}\n")
        self.failures += count


def _sample(name: str, region: CutOut) -> Sample | None:
    """None where no color is left of it."""
    pixels = region.sample()
    if pixels is None or not len(pixels):
        return None
    reading = read_color(pixels)
    return Sample(name, reading, edge_width(region.image_bgr), glare_share(region.image_bgr, reading.dominant.lab))


def _taught_bin(lesson: Lesson, file: RecipeFile, options: argparse.Namespace) -> TaughtBin:
    taught = Taught(
        at=datetime.now(UTC).replace(microsecond=0),
        samples=lesson.used,
        spread=round(lesson.spread, 2),
        source=_source(options),
        software=__version__,
        camera=options.camera,
    )
    branch = options.branch or file.fallback_branch or lesson.bin
    return TaughtBin(lesson.bin, lesson.color, lesson.tolerance, taught, branch)


def _source(options: argparse.Namespace) -> str:
    """The files, as a text that a recipe may hold."""
    files = [options.boxes] if options.boxes is not None else options.images
    source = ", ".join(map(str, files))
    if len(source) > _LONGEST_SOURCE:
        source = f"{len(files)} pictures: {files[0]} ..."
    text = source.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:_LONGEST_SOURCE]


def _warnings(
    file: RecipeFile, revision: Revision, lessons: Sequence[Lesson], options: argparse.Namespace
) -> Iterator[str]:
    """On the recipe as a whole."""
    there = _branches(file.recipe)
    new = [lesson.bin for lesson in lessons if lesson.bin not in there]
    if new and file.fallback_branch and options.branch is None:
        yield (
            f"new bins ({', '.join(new)}) go to {file.fallback_branch!r}, where unknown products go, until they are "
            "given a branch of the line: set branch in the recipe, or teach with --branch NAME"
        )
    for lesson in lessons:
        if options.branch is not None and there.get(lesson.bin, options.branch) != options.branch:
            yield f"bin {lesson.bin!r} keeps its branch {there[lesson.bin]!r}: --branch is only for new bins"
    before = set(_separability(file.recipe)) if file.recipe else set()
    pairs = [warning for warning in _separability(revision.meant) if warning not in before]
    yield from pairs[:_MOST_PAIRS]  # the tightest first
    if len(pairs) > _MOST_PAIRS:
        yield f"and {len(pairs) - _MOST_PAIRS} more like these: check tells them all"


def _separability(recipe: Recipe) -> Iterator[str]:
    for pair in examine(recipe).pairs:
        yield from warnings_of(pair, recipe)


def _branches(recipe: Recipe | None) -> Mapping[str, str]:
    return {one.name: one.branch for one in recipe.bins} if recipe else {}
