"""The interface to a platform: one file per noun, with the value types beside their protocol.

Notebooks and operations get a `backend.Backend` from `mlops.backends.open_backend` and know nothing about the platform
behind it. A part that a platform does not have is None. Every platform passes the contract suite in
``tests/backends/contract``.

.. code-block:: text

    backend         a platform: its parts
    trainings       Tracker: trainings with their parameters, metrics and files
    models          Registry: versions of models, one of which is the champion
    images          Images: scoring images by digest
    services        Services: one per environment
    datasets        Datasets: versions of the training data; Arrivals: new data
    secrets         Secrets, and keys of services
    pipelines       Pipelines: published and submitted; Triggers: the schedule and new data
    submission      Submission: a request to start the published pipeline
    jobs            Jobs, Job: one step of a submitted run, seen from its machine
    infrastructure  Infrastructure: set-up and deletion
    billing         Billing: the billable quantities of a month
    telemetry       Telemetry: runs in the platform's monitoring
    upgrades        Upgrades: state that older versions created
    leftovers       Leftovers: state that is no longer needed
    tracking_page   TrackingPage: the page of all trainings
    secret_variables  secrets in environment variables, which every platform reads
"""
