"""MLflow's SQLite database in MLOPS_HOME, and the files of trainings.

.. code-block:: text

    failures      explains failures of the database: locked, full, not writable, damaged
    database      queries the database file, and checks it before a run
    schema        reads the revision of the database, and upgrades it
    queries       common queries with SQL instead of MLflow
    locations     updates the paths in the database after MLOPS_HOME was copied or moved
    mlflow_store  MLflow's client, and the files of a training
    mlflow_page   the notebook and the data of a training on MLflow's page
"""
