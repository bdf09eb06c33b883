"""Several who ask, and one who answers them together."""

import numpy as np
import pytest

from readtrack.tracking.questions import answer_alone, answer_together


def asks(name, times):
    """Asks about itself so often, and returns the sum of what it was told."""
    total = 0.0
    for _ in range(times):
        answer = yield [name], [[name], ["nobody"]]
        total += float(answer.sum())
    return name, total


def test_what_is_asked_at_a_time_is_answered_at_once_and_to_whom_it_concerns():
    batches = []

    def answer(questions):
        batches.append([queries[0] for queries, _ in questions])
        return [np.full((1, 2), float(len(queries[0]))) for queries, _ in questions]

    told = answer_together([asks("a", 2), asks("none", 0), asks("bbb", 3)], answer)
    assert told == [("a", 4.0), ("none", 0.0), ("bbb", 18.0)]
    assert batches == [["a", "bbb"], ["a", "bbb"], ["bbb"]]
    assert answer_together([], answer) == []


def test_alone_it_is_the_same():
    assert answer_alone(asks("cc", 2), lambda queries, galleries: np.ones((len(queries), len(galleries)))) == ("cc", 4)
    assert answer_alone(asks("cc", 0), None) == ("cc", 0)


def test_errors_on_either_side_reach_the_caller():
    def broken(_):
        raise KeyError("network")

    with pytest.raises(KeyError):
        answer_together([asks("a", 1)], broken)
    with pytest.raises(ValueError):  # not one answer for each question
        answer_together([asks("a", 1)], lambda questions: [])
