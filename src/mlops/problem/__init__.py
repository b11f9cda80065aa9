"""The interface to a prediction problem, which declares its target, columns, metrics and model.

A problem is a package of the project, such as ``src/churn``, that declares one object:

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

The package `mlops` uses the problem only through this object. Every command imports the problem's package, so do not
import numpy, pandas or scikit-learn at the top of the package. Import them in the methods that need them.

.. code-block:: text

    column       a column of the table: kind, role, rules
    metric       a metric: direction, unit, digits
    fields       the checks of single fields
    metrics      metrics for use in problems, with scikit-learn's names
    plots        the plots that a problem can declare by name
    weighted     computes a metric for many weightings of the rows at once
    declared     the base class of problems
    consistency  checks that a declaration does not contradict itself
    coding       converts target values and predictions to the numbers that metrics need
    declaration  the name and metrics of a problem, which a run records
    loading      loads a problem by the name of its package
    split        the split into training rows and holdout
    values       converts the values of a row to JSON and back
    scoring      predictions and cross-validation
    image_files  the modules that an image contains beside the scoring script
"""

from mlops.problem import metrics
from mlops.problem.column import Column
from mlops.problem.declared import Problem
from mlops.problem.loading import load
from mlops.problem.metric import Metric

__all__ = ["Column", "Metric", "Problem", "load", "metrics"]
