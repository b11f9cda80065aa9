"""The comparison of the challenger with the champion in segments of the rows, such as the customers of each plan.

The problem declares the columns whose values define the segments. In each segment, both models are compared by the
metric on which promotions are decided.

The challenger is worse in a segment if the upper bound of the improvement in this segment is below zero, and if the
decline is at least as large as the smallest gain that is worth a release. The segments share the allowed error rate
equally (Bonferroni), so the confidence holds for all segments together.

.. code-block:: text

    splits     splits the rows into segments
    verdicts   compares the models in each segment
    report     the sentences and the table that people read
    gate       reviews the decision of the gate
"""

from mlops.model.segments.gate import review_decision
from mlops.model.segments.report import describe_segments, tabulate_segments
from mlops.model.segments.splits import split_column
from mlops.model.segments.verdicts import Segment, Segments, compare_segments

__all__ = [
    "Segment",
    "Segments",
    "compare_segments",
    "describe_segments",
    "review_decision",
    "split_column",
    "tabulate_segments",
]
