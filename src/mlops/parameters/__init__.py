"""The parameters of a run, from a notebook's literals to the values that papermill injects.

.. code-block:: text

    declarations    what a notebook's `parameters` cell says that may be set: name, type, allowed values
    layers          one YAML file of `parameters/`, read strictly
    merging         the layers and `-p`, merged and checked for every step
    kernel_section  the section `kernels` of base.yml
"""
