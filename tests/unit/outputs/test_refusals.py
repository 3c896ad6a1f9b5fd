from __future__ import annotations

from sorter.outputs.refusals import Refusals


def test_a_refused_topic_is_a_trouble_until_a_message_is_taken_there_again():
    refusals = Refusals()
    refusals.note("a/decision", accepted=False, reason="Not authorized")
    refusals.note("a/state", accepted=True, reason="Success")
    told = "the broker refuses messages on a/decision (Not authorized): allow this user to publish there"
    assert refusals.troubles == {"publish_refused": told}
    refusals.note("a/alarm", accepted=False, reason="Quota exceeded")
    assert "on a/alarm (Quota exceeded), a/decision (Not authorized):" in refusals.troubles["publish_refused"]
    for topic in ("a/decision", "a/alarm"):
        refusals.note(topic, accepted=True, reason="Success")
    assert refusals.troubles == {}
