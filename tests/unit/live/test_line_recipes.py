from __future__ import annotations

import hashlib

from sorter.capture.clock import SystemClock
from sorter.history.approvals import approve, read_approval, read_waiting, reject
from sorter.history.entries import Origin
from sorter.live.candidate import Candidate
from sorter.outputs.journal.layout import Limits
from sorter.outputs.journal.writer import Journal
from sorter.outputs.messages import LineIdentity, decision_message
from sorter.readings import pack_readings
from sorter.records import ColorReading, Deadline, Decision, Evidence, Lab, PaletteColor, RecipeId, Verdict
from sorter.settings.load import load_recipe
from sorter.settings.recipes import ConfirmSettings
from tests.unit.live.conftest import bins, recipe_text

IDENTITY = LineIdentity("plant", "one", "0123456789abcdef", simulated=True)
RED, BROWN = Lab(43.5, 63.0, 37.9), Lab(43.5, 51.0, 30.0)


def decided(lab: Lab, number: int) -> Decision:
    """A product of one color, which went to the first gate."""
    reading = ColorReading((PaletteColor(lab, 1.0),))
    return Decision(
        product=number,
        verdict=Verdict.ROUTED,
        branch="gate-1",
        captured_at_s=0.0,
        decided_at_s=0.0,
        deadline=Deadline(0.0, 1.0),
        frames_used=1,
        recipe=RecipeId("two colors", 1, "0" * 16),
        evidence=Evidence((), b"", pack_readings([reading])),
    )


def note(recipes, decision: Decision) -> None:
    recipes.note(decision, decision_message(decision, IDENTITY, decision.product, 1.7e9))


def fates(folder) -> dict[str, float]:
    value = folder.registry.get_sample_value
    every = ("live", "refused", "held", "rejected")
    return {fate: value("sorter_recipe_changes_total", {"line": "one", "fate": fate}) for fate in every}


def test_the_recipe_that_a_service_starts_with_is_in_the_history_once(folder):
    for _ in range(2):
        folder.look(folder.recipes())
    (entry,) = folder.entries()
    assert entry.origin is Origin.START
    assert entry.path == entry.named == "recipe.yaml"
    assert entry.text == recipe_text()


def test_the_log_tells_what_came_into_force_and_by_whom(folder, caplog):
    recipes = folder.recipes()
    folder.write(revision=2, change={"by": "Ana"})
    folder.look(recipes)
    with caplog.at_level("INFO"):
        recipes.use(recipes.wanted)
    told = f"the recipe two colors, revision 2, hash {recipes.in_force.value.identity.hash}, of recipe.yaml decides now"
    assert f"line one: {told} (file by Ana)" in caplog.text


def test_an_edit_is_wanted_and_once_it_is_used_it_is_in_the_history(folder):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red", "green", tolerance=12), change={"by": "Anna", "why": "new foil"})
    folder.look(recipes)
    wanted = recipes.wanted
    assert wanted.recipe.revision == 2
    assert recipes.in_force.value.revision == 1
    recipes.use(wanted)
    folder.look(recipes)
    assert recipes.wanted is None
    assert recipes.in_force.value.revision == 2
    assert not recipes.troubles
    entry = folder.entries()[-1]
    assert (entry.origin, entry.by, entry.why) == (Origin.FILE, "Anna", "new foil")
    assert any("tolerance 11 -> 12" in words for words in entry.difference)
    assert fates(folder) == {"live": 1, "refused": 0, "held": 0, "rejected": 0}


def test_an_edit_that_is_taken_back_before_the_line_could_take_it_never_happens(folder):
    recipes = folder.recipes()
    folder.write(revision=2)
    folder.look(recipes)
    assert recipes.wanted is not None
    folder.write()
    folder.look(recipes)
    assert recipes.wanted is None


def test_a_comment_changes_nothing(folder):
    recipes = folder.recipes()
    folder.path.write_text("# a comment\n" + recipe_text(), "utf-8")
    folder.look(recipes)
    assert recipes.wanted is None
    assert not recipes.troubles


def test_a_mistaken_file_is_refused_with_its_place_until_it_is_right_again(folder):
    recipes = folder.recipes()
    folder.path.write_text(recipe_text().replace('"gate-2"', '"gate-9"').replace("11", "eleven"), "utf-8")
    folder.look(recipes)
    told = recipes.troubles["recipe_refused"]
    assert f"{folder.path}:" in told
    assert "(and " in told
    assert "two colors, as it was, goes on" in told
    assert recipes.wanted is None
    folder.write()
    folder.look(recipes)
    assert not recipes.troubles
    assert fates(folder)["refused"] == 1


def test_a_file_that_is_gone_is_refused_and_the_recipe_goes_on(folder):
    recipes = folder.recipes()
    folder.path.unlink()
    folder.look(recipes)
    assert "there is no such file" in recipes.troubles["recipe_refused"]
    folder.write()
    folder.look(recipes)
    assert not recipes.troubles


def test_another_reason_why_a_file_cannot_be_read_is_told(folder):
    recipes = folder.recipes()
    folder.path.unlink()
    folder.look(recipes)
    assert "there is no such file" in recipes.troubles["recipe_refused"]
    folder.path.mkdir()
    folder.look(recipes)
    assert "this is a folder" in recipes.troubles["recipe_refused"]


def test_a_bin_that_is_taken_away_waits_for_a_person(folder):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    folder.look(recipes)
    assert recipes.wanted is None
    assert "it takes away the bin 'green'" in recipes.troubles["recipe_waits"]
    assert recipes.held.candidate.recipe.identity.hash in recipes.troubles["recipe_waits"], "what to confirm by"
    waiting = read_waiting(folder.history_path)["one"]
    assert waiting.recipe.revision == 2
    held = recipes.confirm("Anna", "no green today")
    assert held is not None
    assert not recipes.troubles
    recipes.use(recipes.wanted)
    folder.look(recipes)
    entry = folder.entries()[-1]
    assert (entry.origin, entry.by, entry.why) == (Origin.CONFIRMED, "Anna", "no green today")
    assert not read_waiting(folder.history_path)


def test_a_change_that_reroutes_too_much_of_what_came_last_waits(folder):
    recipes = folder.recipes()
    for number in range(100):
        note(recipes, decided(BROWN if number % 5 == 0 else RED, number))
    folder.write(revision=2, bins=bins("red", "green", tolerance=1))
    folder.look(recipes)
    assert "it sends 20 of the last 100 products (20%) to another branch" in recipes.troubles["recipe_waits"]
    assert read_waiting(folder.history_path)["one"].rehearsal["rerouted"] == 20


def test_less_than_the_set_share_does_not_wait(folder):
    folder.confirm = ConfirmSettings(rerouted_share=0.2)
    recipes = folder.recipes()
    for number in range(100):
        note(recipes, decided(BROWN if number % 5 == 0 else RED, number))
    folder.write(revision=2, bins=bins("red", "green", tolerance=1))
    folder.look(recipes)
    assert recipes.wanted.rehearsal["rerouted"] == 20


def test_where_nothing_is_to_wait_nothing_does(folder):
    folder.confirm = ConfirmSettings(removed_bins=False, rerouted_share=None)
    recipes = folder.recipes()
    note(recipes, decided(RED, 1))
    folder.write(revision=2, bins=bins("green"))
    folder.look(recipes)
    assert recipes.wanted is not None


def test_what_a_person_says_on_this_machine_is_heard(folder):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    folder.look(recipes)
    digest = recipes.held.candidate.text_sha256
    approve(folder.history_path, digest, "Ben", None, 1.7e9)
    folder.look(recipes)
    assert recipes.wanted.by == "Ben"
    recipes.use(recipes.wanted)
    folder.look(recipes)
    assert read_approval(folder.history_path, digest) is None


def test_what_waits_is_written_down_once_that_can_be(folder):
    recipes = folder.recipes()
    folder.look(recipes)
    in_the_way = folder.history_path.with_name("recipes.jsonl.waiting")
    in_the_way.mkdir()
    folder.write(revision=2, bins=bins("red"))
    folder.look(recipes)
    assert recipes.held is not None
    in_the_way.rmdir()
    folder.ledger.retry()
    assert set(read_waiting(folder.history_path)) == {"one"}


def begun_again(folder):
    """A service that starts now, with the file as it is."""
    folder.look(folder.recipes())
    return folder.entries()[-1]


def test_what_was_confirmed_while_the_service_was_down_waits_no_longer_and_tells_by_whom(folder):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    folder.look(recipes)
    digest = recipes.held.candidate.text_sha256
    approve(folder.history_path, digest, "Zoe", "new foil", 1.7e9)
    entry = begun_again(folder)
    assert (entry.recipe.revision, entry.origin, entry.by, entry.why) == (2, "confirmed", "Zoe", "new foil")
    assert not read_waiting(folder.history_path)
    assert read_approval(folder.history_path, digest) is None


def test_what_was_taken_back_while_the_service_was_down_waits_no_longer(folder):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    folder.look(recipes)
    folder.write()
    begun_again(folder)
    assert not read_waiting(folder.history_path)


def test_what_was_rejected_is_not_asked_again_and_an_edit_is(folder):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    folder.look(recipes)
    assert recipes.reject("Anna", None) is not None
    folder.look(recipes)
    assert "was rejected by Anna" in recipes.troubles["recipe_refused"]
    assert recipes.held is None
    folder.write(revision=3, bins=bins("red"))
    folder.look(recipes)
    assert recipes.held is not None
    assert fates(folder) == {"live": 0, "refused": 0, "held": 2, "rejected": 1}


def test_what_was_rejected_does_not_come_into_force_after_a_restart_with_no_products_to_try_it_on(folder):
    folder.confirm = ConfirmSettings(removed_bins=False)
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    reject(folder.history_path, hashlib.sha256(folder.path.read_bytes()).hexdigest(), "Anna", None, 1.7e9)
    folder.look(recipes)
    assert recipes.wanted is None
    assert "was rejected by Anna" in recipes.troubles["recipe_refused"]


def test_a_rejection_on_this_machine_is_heard(folder):
    recipes = folder.recipes()
    folder.write(revision=2, bins=bins("red"))
    folder.look(recipes)
    reject(folder.history_path, recipes.held.candidate.text_sha256, None, None, 1.7e9)
    folder.look(recipes)
    assert "was rejected by a person" in recipes.troubles["recipe_refused"]


def test_what_waits_is_forgotten_when_the_file_is_taken_back(folder):
    recipes = folder.recipes()
    folder.write(bins=bins("red"))
    folder.look(recipes)
    assert recipes.held is not None
    folder.write()
    folder.look(recipes)
    assert recipes.held is None
    assert not read_waiting(folder.history_path)


def test_another_file_is_watched_after_a_changeover(folder):
    recipes = folder.recipes()
    other = folder.base / "other.yaml"
    other.write_text(recipe_text(name="other"), "utf-8")
    recipes.use(Candidate(load_recipe(other), Origin.COMMAND, by="Anna"))
    folder.write(revision=9)
    folder.look(recipes)
    assert recipes.wanted is None
    other.write_text(recipe_text(name="other", revision=2), "utf-8")
    folder.look(recipes)
    assert recipes.wanted.recipe.revision == 2
    assert folder.entries()[-1].path == "other.yaml"


def test_a_changed_shadow_is_wanted_and_a_mistaken_one_is_refused(folder):
    shadow = folder.base / "shadow.yaml"
    shadow.write_text(recipe_text(name="candidate"), "utf-8")
    recipes = folder.recipes(shadow)
    shadow.write_text("name: [", "utf-8")
    folder.look(recipes)
    assert "shadow.yaml:" in recipes.troubles["recipe_refused"]
    assert "the shadow goes on" in recipes.troubles["recipe_refused"]
    shadow.write_text(recipe_text(name="candidate", revision=2), "utf-8")
    folder.look(recipes)
    assert recipes.wanted_shadow.value.revision == 2
    recipes.watch_shadow(recipes.wanted_shadow)
    assert recipes.wanted_shadow is None
    assert not recipes.troubles


def test_after_a_restart_a_change_is_rehearsed_on_what_the_journal_keeps(folder, tmp_path):
    journal = Journal(tmp_path / "journal.sqlite", Limits(50_000_000, 1e12), SystemClock())
    journal.start()
    for number in range(1, 11):
        decision = decided(BROWN if number % 5 == 0 else RED, number)
        journal.add(decision, decision_message(decision, IDENTITY, number, 1.7e9))
    assert journal.flush(20)
    recipes = folder.recipes()
    recipes.begin_with(tmp_path / "journal.sqlite")
    recipes.write()
    folder.write(revision=2, bins=bins("red", "green", tolerance=1))
    folder.look(recipes)
    assert "it sends 2 of the last 10 products (20%) to another branch" in recipes.troubles["recipe_waits"]
    journal.close(SystemClock().monotonic_s() + 9)


def test_a_journal_that_is_not_there_leaves_changes_to_new_products(folder, tmp_path):
    recipes = folder.recipes()
    recipes.begin_with(tmp_path / "gone.sqlite")
    folder.write(revision=2)
    folder.look(recipes)
    assert recipes.wanted.rehearsal is None
