"""MLflow's SQLite store of one machine.

.. code-block:: text

    failures      explains failures of the database: locked, full, not writable, damaged
    database      the database as a file: queries, and the check before a run
    schema        the revision of the database, and its upgrade
    queries       queries of the database without MLflow
    locations     the places of trainings' files, which move with the home
    mlflow_store  MLflow's client, and the files of a training
    mlflow_page   source and data of a training on MLflow's page
"""
