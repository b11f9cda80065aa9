"""The platform itself: `mlops.platform.infrastructure` with Azure Resource Manager.

.. code-block:: text

    infrastructure  the seam's methods
    arm_template    templates/workspace.json deployed, or only compared
    teardown        what is deleted, and in which order
    billing         what a month costs, as quantities
"""
