"""Data files: reading, profiles, tests and drift, in pure functions without platform or problem.

.. code-block:: text

    location    whether a data file can be where a parameter says
    content     the bytes of a data file, or of a folder of Parquet files, with their hash
    delimited   tables in text files
    tables      read a data file with its hash
    profile     a few numbers a column, which merge: profile(a + b) is profile(a) merged with profile(b)
    drift       how far one profile is from another
    identity    which rows of a table are rows that a model was trained on
    validation  the data test: schema and drift together
"""
