"""A Dask cluster: the connection to it, and the scan and the profile of data files on its workers.

Each file in a folder of Parquet files is called a part. The workers read the parts, and send only counts, sums, hashes
and a few values over the network. The results are the same as on one machine.

.. code-block:: text

    connection  the connection to a scheduler
    workers     functions on the workers of a cluster
    parts       one file of a data folder, which a worker reads
    folder      the columns, rows and hash of a folder, from its parts
    scan        the scan for the data test
    selection   exact quantiles of a column that is split over several parts
    profile     the profile of a new reference
"""
