"""Questions to READ: whoever tracks asks, and whoever drives it answers, one tracker's or those of several at once."""

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias, TypeVar

from readtrack.boxes import Floats

T = TypeVar("T")
LogOdds: TypeAlias = Callable[[Sequence[Any], Sequence[Sequence[Any]]], Floats]  # N crops, M galleries -> (N, M)
Question: TypeAlias = tuple[Sequence[Any], Sequence[Sequence[Any]]]  # N query crops, M galleries of crops
Asking: TypeAlias = Generator[Question, Floats, T]  # yields questions, is sent their log odds (N, M), returns a T


def answer_together(asking: Sequence[Asking[T]], answer: Callable[[Sequence[Question]], Sequence[Floats]]) -> list[T]:
    """Run generators to their end, in turns; what all of them ask at a time is answered at once.

    Args:
        asking: generators that have not begun.
        answer: from questions to the log odds (N, M) of each.

    Returns:
        What each of them returned.
    """
    returned: dict[int, T] = {}
    questions: dict[int, Question] = {}

    def go_on(index: int, odds: Any) -> None:
        try:
            questions[index] = asking[index].send(odds)
        except StopIteration as end:
            returned[index] = end.value

    for index in range(len(asking)):
        go_on(index, None)
    while questions:
        asked, questions = questions, {}
        for index, odds in zip(asked, answer(list(asked.values())), strict=True):
            go_on(index, odds)
    return [returned[index] for index in range(len(asking))]


def answer_alone(asking: Asking[T], log_odds: LogOdds | None) -> T:
    """Run one generator to its end; None where it asks nothing."""
    return answer_together([asking], lambda asked: [log_odds(*question) for question in asked if log_odds])[0]
