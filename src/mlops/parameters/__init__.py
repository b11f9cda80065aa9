"""The parameters of a run: their declarations in notebooks, and the files and options that set them.

.. code-block:: text

    declarations      the parameters that a notebook declares in its `parameters` cell: name, type, allowed values
    layers            reads one YAML file of `parameters/`
    suggestion        suggestions for a mistyped name
    lookup            finds the parameter with a given name
    overrides         the values for one run, such as those of the option `-p`
    merging           merges parameter files and overrides, and checks them for every step
    project           the parameter files of a project, and the declarations in its notebooks
    hyperparameters   checks that the notebooks match the hyperparameters and the metrics of the problem
    code              the names in the code of a notebook
    kernel_section    the section `kernels` of base.yml
    platform_section  the settings of a platform, from environment variables or the section `azure` of azure.yml
"""
