"""The parameters of a run, from a notebook's literals to the values that papermill injects.

.. code-block:: text

    declarations      the parameters that a notebook declares in its `parameters` cell: name, type, allowed values
    layers            one YAML file of `parameters/`, read strictly
    suggestion        suggestions for a mistyped name
    lookup            the parameter that a name in a layer or an override refers to
    overrides         the values for one run: the text of `-p`, and values that the engine sets
    merging           the layers and overrides, merged and checked for every step
    project           the files of a project, read once
    hyperparameters   the check that the training notebook sets the hyperparameters of the problem
    kernel_section    the section `kernels` of base.yml
    platform_section  a platform's own section, such as `azure` in azure.yml, and the variables that override it
"""
