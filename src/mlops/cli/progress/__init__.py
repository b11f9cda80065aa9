"""The progress of a run or a sweep in the terminal: before, during and after it.

.. code-block:: text

    help         the steps and parameters in a command's help
    annotations  failures, as annotations for a CI system
    line         a line of progress that is updated in place on a terminal
    run          a line per step of a run, and the run's summary
    following    the next command after a run
    sweep        a count of the finished combinations, and the sweep's summary
"""
