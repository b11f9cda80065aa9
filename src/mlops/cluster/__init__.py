"""The scan and the profile of data files on the workers of a Dask cluster.

.. code-block:: text

    connection  the connection to the scheduler of a cluster
    workers     runs functions on the workers of a cluster
    parts       a file of a data folder, which a worker reads
    folder      the columns, the number of rows and the hash of a data folder
    scan        the scan of a data file or folder for the data test
    selection   exact quantiles of a column that is split over several parts
    profile     the profile of a data file or folder, as a reference for later data
"""

# Each file in a folder of Parquet files is called a part.
