"""The progress of a run or a sweep for people: before it, while it works, and when it ends.

.. code-block:: text

    help         the steps and parameters in a command's help
    annotations  failures on the pages of a CI system
    run          a line for each step of a run, and the run's summary
    following    the command that a user types next
    sweep        a count of the finished combinations, and the sweep's summary
"""
