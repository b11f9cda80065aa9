"""The metrics of a service, which any of its workers reports under ``/metrics`` in the formats of Prometheus.

Each worker counts in a file of its own, which it maps into memory. A count is a float64 at a fixed place of the file,
so an update takes 0.1 to 0.3 microseconds and needs no lock. To answer ``GET /metrics``, a worker adds up all counts.
``GET /metrics?by=worker`` returns the counts of each worker.

.. code-block:: text

    declared    the metrics that workers count, and their places in a file
    slots       the file of a worker in shared memory
    processes   whether another process runs, and its memory
    reasons     why a request was refused, as a label
    bins        the distribution of a column, and its drift
    profile     the distributions of the training data
    recorder    counts answers, refusals, rows and calls of the script
    age         the age of the model
    tally       the counts of other processes, such as the uploader
    families    the metrics of the workers, together or each, as samples with labels
    exposition  samples as text, in the formats of Prometheus and OpenMetrics
    page        the answer to ``GET /metrics``
"""
