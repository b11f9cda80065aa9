"""What a command or a request does, without a command line: the room that `mlops.cli` calls.

Functions here take typed arguments and return values. They report progress to the listeners that they are given and
print nothing.

.. code-block:: text

    costs       what a month costs: billable quantities times prices
    data        which data a run trains on, and the data set's next version
    model_file  the file that names a new model, from a build to the release
    upgrade     MLOPS_HOME in the format of this version, after a backup
"""
