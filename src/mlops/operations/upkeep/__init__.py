"""The upkeep of MLOPS_HOME.

.. code-block:: text

    pruning  the deletion of old state that is no longer needed
    upgrade  the upgrade of MLOPS_HOME to the format of this version, after a backup
"""
