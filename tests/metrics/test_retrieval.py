"""CMC and both mAPs: counted by hand, against scikit-learn, whatever the order, and at the size of MARS."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, average_precision_score, precision_recall_curve

from readtrack.errors import InputError
from readtrack.metrics.retrieval import identification_rate, score_retrieval


def retrieve(similarity, query_pids, query_camids, gallery_pids, gallery_camids):
    return score_retrieval(np.array(similarity), query_pids, query_camids, gallery_pids, gallery_camids)


def one_query(*right):
    """Scores of one query whose answers, best first, are right (1) or wrong (0)."""
    return retrieve([np.linspace(1, 0, len(right))], [1], [1], [1 if hit else 2 for hit in right], [2] * len(right))


def test_counted_by_hand():
    # First query: hits at ranks 2 and 3; steps (1/2 + 2/3) / 2, trapezoids ((0 + 1/2) / 2 + (1/2 + 2/3) / 2) / 2.
    # Second query: a hit at rank 1, 1 either way.
    found = retrieve([[0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]], [1, 2], [1, 1], [3, 1, 1, 2], [2, 2, 3, 2])
    assert (found.top1, found.top5, found.queries, found.without_match) == (0.5, 1.0, 2, 0)
    assert found.map_step == pytest.approx((7 / 12 + 1) / 2)
    assert found.map_trapezoid == pytest.approx((5 / 12 + 1) / 2)
    assert str(found).endswith("mAP (step) 79.2, mAP (trapezoid, paper) 70.8")


@pytest.mark.parametrize("rank", [1, 2, 3, 5, 6, 10, 11])
def test_a_lone_hit(rank):
    found = one_query(*[0] * (rank - 1), 1, 0, 0)
    assert found.map_step == pytest.approx(1 / rank)
    assert found.map_trapezoid == pytest.approx(1 if rank == 1 else 1 / (2 * rank))
    assert (found.top1, found.top5, found.top10) == (rank <= 1, rank <= 5, rank <= 10)


def test_both_definitions_agree_on_perfect_rankings_only():
    assert one_query(1, 1, 1, 0).map_trapezoid == one_query(1, 1, 1, 0).map_step == 1
    assert one_query(1, 0, 1).map_trapezoid == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)
    assert one_query(1, 0, 1).map_step == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("seed", range(20))
def test_average_precisions_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    scores, right = rng.permutation(200) / 200, rng.random(200) < rng.uniform(0.01, 0.5)
    right[0] = True
    found = retrieve([scores], [1], [1], np.where(right, 1, 2), [2] * 200)
    precision, recall, _ = precision_recall_curve(right, scores)
    assert found.map_step == pytest.approx(average_precision_score(right, scores))
    assert found.map_trapezoid == pytest.approx(auc(recall, precision))  # what it was before version 0.19


def test_same_person_and_camera_does_not_count():
    found = retrieve([[0.9, 0.5, 0.6]], [1], [1], [1, 1, 2], [1, 2, 2])
    assert (found.top1, found.map_step, found.map_trapezoid) == (0.0, 0.5, 0.25)


def test_queries_without_a_true_match_are_left_out_and_counted():
    found = retrieve([[0.9, 0.1], [0.9, 0.1]], [1, 5], [1, 1], [1, 5], [2, 1])
    assert (found.top1, found.queries, found.without_match) == (1.0, 1, 1)


def test_distractors_stand_in_the_way():
    assert retrieve([[0.9, 0.5]], [1], [1], [0, 1], [1, 2]).map_step == 0.5


def test_ties_rank_wrong_answers_first():
    for pids in ([1, 2, 3], [3, 2, 1]):
        assert retrieve([[0.5, 0.5, 0.5]], [1], [1], pids, [2, 2, 2]).map_step == pytest.approx(1 / 3)


@given(seed=st.integers(0, 10**6), levels=st.integers(1, 6))
def test_order_of_input_changes_nothing(seed, levels):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 8), rng.integers(1, 30)
    similarity = rng.integers(0, levels, (n, m)) / levels  # ties everywhere
    queries, galleries = rng.integers(0, 4, (2, n)), rng.integers(0, 4, (2, m))
    rows, columns = rng.permutation(n), rng.permutation(m)
    try:
        found = score_retrieval(similarity, *queries, *galleries)
    except InputError:
        return
    again = score_retrieval(similarity[rows][:, columns], *queries[:, rows], *galleries[:, columns])
    assert (again.top1, again.top5, again.top10) == (found.top1, found.top5, found.top10)
    assert again.map_step == pytest.approx(found.map_step)
    assert again.map_trapezoid == pytest.approx(found.map_trapezoid)
    assert found.map_trapezoid <= found.map_step + 1e-12


def test_nothing_to_score_is_an_error():
    with pytest.raises(InputError, match="true match"):
        retrieve([[0.5]], [1], [1], [2], [2])
    with pytest.raises(InputError, match="true match"):
        retrieve(np.zeros((0, 3)), [], [], [1, 2, 3], [1, 1, 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_similarities_that_are_no_numbers_are_an_error(bad):
    with pytest.raises(InputError, match="NaN or infinite"):
        retrieve([[0.5, bad]], [1], [1], [1, 2], [2, 2])


def test_shapes_that_do_not_fit_are_an_error():
    for queries, galleries in (([1, 1], [1, 2, 3]), ([1], [1]), ([1], [1, 2])):
        with pytest.raises(ValueError, match="do not fit"):
            retrieve(np.zeros((1, 3)), queries, queries, galleries, galleries)
    with pytest.raises(ValueError, match="do not fit"):
        retrieve(np.zeros(3), [1], [1], [1, 2, 3], [1, 2, 3])


def test_the_size_of_mars_needs_no_memory_to_speak_of():
    rng = np.random.default_rng(0)
    queries, galleries = 1980, 11_310
    similarity = rng.random((queries, galleries), dtype=np.float32)
    numbers = [rng.integers(1, high, size) for size in (queries, galleries) for high in (627, 7)]
    tracemalloc.start()
    started = time.process_time()
    found = score_retrieval(similarity, *numbers)
    seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.queries + found.without_match == queries
    assert 0 < found.map_trapezoid < found.map_step < 0.05  # chance
    assert peak < 4e6  # bytes; the matrix has 90 million
    assert seconds < 30


def test_open_set_counted_by_hand():
    score, right = np.array([0.9, 0.8, 0.5, 0.2]), np.array([True, False, True, True])
    unknown = np.array([0.1, 0.6, 0.3, 0.4])
    rates = [identification_rate(score, right, unknown, share) for share in (0.0, 0.25, 0.5, 0.75, 0.99)]
    assert rates == [0.25, 0.5, 0.5, 0.75, 0.75]  # above .6, .4, .3, .1, .1
    assert identification_rate(score, right, np.full(4, 0.9), 0.5) == 0  # equal scores are not above
    assert identification_rate(score, right, np.zeros(0), 0.1) == 0.75
    assert identification_rate(score[:0], right[:0], unknown, 0.1) == 0
