"""The scan and the profile of data files on the workers of a Dask cluster.

.. code-block:: text

    connection  the connection to the scheduler of a cluster
    workers     runs functions on the workers of a cluster
    parts       the files of a data folder; each is read by a worker
    folder      the columns, the number of rows and the hash of a data folder
    scan        the scan of a data file or folder for the data test
    selection   finds exact quantiles of a column whose values are in several files
    profile     the profile of a data file or folder, as a reference for later data
"""

# Each file in a folder of Parquet files is called a part.
