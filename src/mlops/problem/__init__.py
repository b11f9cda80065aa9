"""The interface to a problem: what is predicted, from which columns, how well, and by which model.

A problem is a package of the project, such as ``src/diabetes``, that declares one object:

.. code-block:: python

    from mlops.problem import Column, Problem, metrics

    class Churn(Problem):
        name = "churn"
        columns = (
            Column("customer", kind="id"),
            Column("plan", kind="category", allowed=("basic", "plus")),
            Column("left", kind="boolean", role="target"),
        )
        metrics = (metrics.roc_auc_score("auc"), metrics.log_loss())
        ...

    problem = Churn()

The engine knows the problem only through this object. Importing the declaration imports neither numpy nor pandas nor
scikit-learn, so that every command can read it; its functions import what they need.

.. code-block:: text

    column       a column of the table: kind, role, rules
    metric       a metric: direction, unit, digits
    metrics      stock metrics, which carry scikit-learn's names
    declared     the base class of problems
    declaration  what a run records of its problem
    loading      loads a problem by the name of its package
    split        the split into training rows and holdout
    scoring      predictions and cross-validation
"""

from mlops.problem import metrics
from mlops.problem.column import Column
from mlops.problem.declared import Problem
from mlops.problem.loading import load
from mlops.problem.metric import Metric

__all__ = ["Column", "Metric", "Problem", "load", "metrics"]
