"""The parameters of a run, from a notebook's literals to the values that papermill injects.

.. code-block:: text

    declarations      what a notebook's `parameters` cell says that may be set: name, type, allowed values
    layers            one YAML file of `parameters/`, read strictly
    suggestion        the name that an unknown one was probably meant to be
    lookup            what a name in a layer or an override means, and the error if it means nothing
    overrides         what is given for one run: the text of `-p`, and values that the engine gives
    merging           all of these merged and checked for every step
    project           the files of a project, read once
    kernel_section    the section `kernels` of base.yml
    platform_section  a platform's own section, as `azure` in azure.yml, and environment variables over it
"""
