from __future__ import annotations

from sorter.outputs.answers import AnswerQueue, CommandAnswer


def answers(count: int) -> list[CommandAnswer]:
    return [CommandAnswer("answers", str(number).encode(), None) for number in range(count)]


def flow(queue: AnswerQueue) -> list[CommandAnswer]:
    """What is sent before the broker says anything."""
    sent = []
    while (one := queue.next()) is not None:
        queue.sent(len(sent))
        sent.append(one)
    return sent


def test_few_answers_are_on_their_way_at_a_time_and_all_go_in_their_order() -> None:
    queue, asked = AnswerQueue(), answers(10)
    for one in asked:
        queue.offer(one)
    assert flow(queue) == asked[:4]
    queue.answered(0)
    queue.answered(77)  # another message's
    assert queue.next() == asked[4]


def test_of_too_many_answers_the_oldest_are_given_up() -> None:
    queue, asked = AnswerQueue(), answers(130)
    for one in asked:
        queue.offer(one)
    assert flow(queue) == asked[30:34]


def test_a_lost_connection_takes_its_answers_along() -> None:
    queue = AnswerQueue()
    for one in answers(9):
        queue.offer(one)
    flow(queue)
    queue.clear()
    queue.offer(CommandAnswer("answers", b"new", b"7"))
    assert [one.payload for one in flow(queue)] == [b"new"]
