"""The seam to a platform: one file a noun, with the value types beside their protocol.

Notebooks and operations get a `backend.Backend` from `mlops.backends.open_backend` and know nothing of the platform
behind it. What a platform cannot do is None. Every platform passes the contract suite in ``tests/backends/contract``.

.. code-block:: text

    backend         a platform: its parts
    trainings       Tracker: trainings with their parameters, metrics and files
    models          Registry: versions of models, one of which is the champion
    images          Images: scoring images by digest
    services        Services: one an environment
    datasets        Datasets: versions of the data that is trained on; Arrivals: new data
    secrets         Secrets, and keys of services; Redacted: a part that is told none
    pipelines       Pipelines: published, submitted; Triggers: the clock and new data
    submission      Submission: what the published pipeline is asked to do
    jobs            Jobs, Job: one step of a submitted run, seen from its machine
    infrastructure  Infrastructure: set up, deleted
    billing         Billing: what a month costs, as quantities
    telemetry       Telemetry: runs for the platform's monitoring
    upgrades        Upgrades: state that an older version has made
    leftovers       Leftovers: what nothing needs any more
    tracking_page   TrackingPage: the page of all trainings
    secret_variables  secrets in environment variables, which every platform takes
"""
