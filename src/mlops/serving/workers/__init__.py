"""The processes of a service: the supervisor, and the workers, which answer requests.

.. code-block:: text

    launch         starts the supervisor, or a worker that loads the model itself
    supervisor     starts the workers, restarts those that die, and ends them
    starting       starts a worker, as a fork of the supervisor or as a new program
    configuration  the keys and settings that the workers get from the supervisor
    restarts       decides when a worker that died is started again
    memory         limits the memory of a worker
    worker         loads the model, and answers requests
    warming        scores the example of the image before the first request
    record         the file in which the supervisor records its workers
    families       the metrics of the supervisor, from this file
"""
