"""Log-odds arithmetic."""

import numpy as np
from scipy.special import logit

from readtrack.tracking.evidence import bounded, log_odds, pool_log_odds, posterior


def test_one_crop_is_never_surer_than_one_in_ten_thousand():
    odds = np.array([-np.inf, -20, -3, 0, 9, np.inf])
    np.testing.assert_allclose(bounded(odds), [logit(1e-4), logit(1e-4), -3, 0, 9, logit(1 - 1e-4)])
    np.testing.assert_allclose(log_odds(np.array([0, 0.2, 1])), bounded(np.array([-np.inf, logit(0.2), np.inf])))


def test_crops_of_one_person_say_much_the_same():
    assert pool_log_odds([2.0]) == 2 and pool_log_odds([]) == pool_log_odds(None) == -np.inf
    assert 2 < pool_log_odds([2.0] * 2) < pool_log_odds([2.0] * 50) < 3  # never worth more than 1.5 independent ones
    assert pool_log_odds([2.0, -2.0]) == 0


def test_beforehand_it_is_as_likely_nobody_as_any_of_those_possible():
    np.testing.assert_allclose(posterior(np.zeros((1, 1))), [[1 / 2]])
    np.testing.assert_allclose(posterior(np.zeros((1, 4))).sum(), 1 / 2)
    np.testing.assert_allclose(posterior(np.array([[0, -np.inf]])), [[1 / 2, 0]])  # who is impossible does not count
    assert posterior(np.full((1, 3), -np.inf)).tolist() == [[0, 0, 0]]
    assert posterior(np.zeros((2, 0))).shape == (2, 0)
