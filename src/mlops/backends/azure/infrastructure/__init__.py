"""The set-up of the platform: `mlops.platform.infrastructure` with Azure Resource Manager.

.. code-block:: text

    infrastructure  the methods of the interface
    arm_template    deploys templates/workspace.json, or previews its changes
    teardown        deletes the resources in the right order
    billing         the billable quantities of a month
"""
