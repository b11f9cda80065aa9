"""Implements `mlops.platform.infrastructure`: the set-up of the platform with Azure Resource Manager.

.. code-block:: text

    infrastructure  implements the interface
    arm_template    deploys templates/workspace.json, or previews the changes of a deployment
    teardown        deletes the resources in the right order
    billing         calculates the billable quantities of a month
"""
