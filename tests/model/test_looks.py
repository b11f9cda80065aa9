"""The looks at a champion: how they are counted, and what each may spend."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_model import register

from mlops.backends.memory import open_backend
from mlops.model.comparison import Comparison
from mlops.model.looks import describe_looks, hash_evidence, record_look
from mlops.model.promotion import Decision, decide_promotion, overrule
from mlops.model.spending import spend
from mlops.problem import metrics

CHAMPION, CHALLENGER, OTHER = (np.random.default_rng(seed).normal(100, 10, 89) for seed in range(3))
COMPARED = Comparison(metrics.mean_squared_error(), CHAMPION, CHALLENGER)


def test_all_looks_together_spend_the_allowed_rate() -> None:
    spent = np.cumsum([1 - spend(0.95, look) for look in range(1, 20_001)])
    assert spent[51] == pytest.approx(0.0447, abs=1e-4)
    assert 0.0495 < spent[-1] < 0.05
    assert spend(0.95, 1) == pytest.approx(0.98086, abs=1e-5)


def test_each_comparison_counts_once(tmp_path: Path) -> None:
    backend = open_backend()
    for number in (1.0, 2.0):
        register(backend, tmp_path, number)
    first = backend.registry.promote("tiny", 1, expected="")
    others = [replace(COMPARED, challenger=values) for values in (CHALLENGER, CHALLENGER + 1e-9, OTHER, CHALLENGER)]
    assert [record_look(backend.registry, first, compared).look for compared in others] == [1, 1, 2, 1]
    second = backend.registry.promote("tiny", 2, expected=first.identity)
    assert record_look(backend.registry, second, COMPARED).look == 1


def test_a_comparison_that_promotes_nothing_does_not_count(tmp_path: Path) -> None:
    backend = open_backend()
    register(backend, tmp_path)
    champion = backend.registry.promote("tiny", 1, expected="")
    equal = replace(COMPARED, challenger=CHAMPION)
    assert record_look(backend.registry, champion, equal) is equal
    assert record_look(backend.registry, None, COMPARED) is COMPARED
    assert record_look(backend.registry, champion, COMPARED, min_rows=90) is COMPARED
    assert record_look(backend.registry, champion, replace(COMPARED, challenger=OTHER)).look == 1


def test_other_rows_are_other_evidence() -> None:
    fewer = replace(COMPARED, champion=CHAMPION[1:], challenger=CHALLENGER[1:])
    assert hash_evidence(COMPARED) == hash_evidence(replace(COMPARED, look=7)) != hash_evidence(fewer)


def test_a_huge_value_does_not_hide_other_evidence() -> None:
    """With one loss of 1e14 in all models, a year of comparisons counted as one."""
    huge, known = np.append(CHAMPION, 1e14), np.append(CHALLENGER, 1e14)
    first = replace(COMPARED, champion=huge, challenger=known)
    assert hash_evidence(first) != hash_evidence(replace(first, challenger=np.append(OTHER, 1e14)))
    assert hash_evidence(first) == hash_evidence(replace(first, challenger=np.append(CHALLENGER, 1e14 * (1 + 1e-12))))


def test_other_labels_are_other_evidence() -> None:
    actual = (CHAMPION > 100).astype(float)
    compared = Comparison(metrics.roc_auc_score(), CHAMPION, CHALLENGER, actual=actual)
    assert hash_evidence(compared) == hash_evidence(replace(compared, actual=actual.copy()))
    assert hash_evidence(compared) != hash_evidence(replace(compared, actual=1 - actual))


def test_a_comparison_that_is_too_skewed_counts(tmp_path: Path) -> None:
    backend = open_backend()
    register(backend, tmp_path)
    champion = backend.registry.promote("tiny", 1, expected="")
    skewed = replace(COMPARED, challenger=CHAMPION - 1 + 20 * (np.arange(89) == 0))
    assert skewed.too_skewed
    assert [record_look(backend.registry, champion, compared).look for compared in (skewed, COMPARED)] == [1, 2]


def test_the_number_of_looks_is_explained() -> None:
    counted = Decision(promoted=False, reason="", look=1)
    assert describe_looks(COMPARED, counted) == (
        "This is the first comparison with this champion. It needs a confidence of 98.09%. All comparisons with "
        "this champion together keep a confidence of 95%."
    )
    assert describe_looks(replace(COMPARED, look=20), replace(counted, look=20)).startswith(
        "This is comparison 20 with this champion. Each comparison is another chance of a wrong promotion, so this one "
        "needs a confidence of 99.98%"
    )
    late = describe_looks(replace(COMPARED, look=53), replace(counted, look=53))
    assert "so this one needs a confidence of 99.995%" in late
    alone = replace(COMPARED, champion=None)
    assert describe_looks(alone, decide_promotion(alone)) == "There is no champion to compare with yet."


def test_an_uncounted_comparison_is_not_called_the_first_one() -> None:
    equal = replace(COMPARED, challenger=CHAMPION)
    decisions = [decide_promotion(equal), decide_promotion(COMPARED, min_rows=90)]
    unlike = overrule(
        decide_promotion(replace(COMPARED, champion=None)), True, "A new target.", "It was trained before."
    )
    for decision in (*decisions, unlike):
        assert decision.look == 0
        assert (
            describe_looks(COMPARED, decision) == "The registry does not count this as a comparison with the champion."
        )
