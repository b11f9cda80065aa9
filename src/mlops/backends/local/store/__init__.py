"""MLflow's SQLite store of one machine.

.. code-block:: text

    failures      what a failure of the database means: locked, full, not writable, damaged
    database      the database as a file: asked, and checked before a run
    schema        the revision of the database, and its upgrade
    mlflow_store  MLflow's client, and the files of a training
    mlflow_page   what MLflow's page shows beside the numbers
"""
