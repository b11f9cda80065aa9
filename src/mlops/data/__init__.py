"""Data files: reading, profiles, tests and drift, in pure functions that know neither platform nor problem.

.. code-block:: text

    location    the check that a data file exists and can be read
    content     the bytes of a data file, or of a folder of Parquet files, with their hash
    delimited   tables in text files
    tables      data files as tables, with their hashes
    profile     a few numbers per column, which merge: profile(a + b) is profile(a) merged with profile(b)
    drift       the distance between two profiles
    equality    the comparison of arrays up to rounding
    rounding    the rounding of a file, read from its values
    identity    which rows of a table are rows that a model was trained on
    validation  the data test: schema and drift together
"""
