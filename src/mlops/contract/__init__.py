"""The contract of problems: what the notebooks and the service expect of a problem. A problem's tests call `check`.

.. code-block:: python

    from churn import problem
    from mlops.contract import check

    def test_the_problem_keeps_its_contract() -> None:
        check(problem, trees=40)

The checks call the same functions as the notebooks and the service, so that the same rules apply everywhere.

.. code-block:: text

    promises   checks all promises of a problem
    imports    checks what the package of a problem imports
    data       checks the rows with the data test, and reads them as the notebooks do
    model      checks that a model can be saved and loaded again
    requests   checks that the service accepts rows
    runtimes   checks that the service can load a model with a runtime
"""

from mlops.contract.promises import check

__all__ = ["check"]
