"""A Dask cluster: the connection to it, and the scan and the profile of data files on its workers.

Each file of a folder of Parquet files is a part. Workers read the parts, and only counts, sums, hashes and a few values
travel. The answer is the same as on one machine.

.. code-block:: text

    connection  the connection to a scheduler
    workers     functions on the workers of a cluster
    parts       one file of a data folder, as a worker reads it
    folder      the columns, rows and hash of a folder, from its parts
    scan        the scan for the data test
    selection   exact quantiles of values that are in several parts
    profile     the profile of a new reference
"""
