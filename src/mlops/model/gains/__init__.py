"""The report of a comparison.

.. code-block:: text

    sentences   the interval of the improvement, the smallest detectable one, and the rows with the largest gains
    figure      the figure of the gains, and its alt text
"""

from mlops.model.gains.figure import describe_gains, plot_gains
from mlops.model.gains.sentences import describe_largest, report_gains

__all__ = ["describe_gains", "describe_largest", "plot_gains", "report_gains"]
