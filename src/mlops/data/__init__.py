"""What is known of a data file: pure functions, with no platform and no problem in them.

.. code-block:: text

    location    whether a data file can be where a parameter says
    tables      read a CSV or Parquet file with its hash
    profile     a few numbers a column, which merge: profile(a + b) is profile(a) merged with profile(b)
    drift       how far one profile is from another
    identity    which rows of a table are rows that a model was trained on
    validation  the data test: schema and drift together
"""
