"""The virtual environments of services. Each is made from one list of pinned packages, and has no other packages.

.. code-block:: text

    environments  creates environments, checks that they are complete, and lists them
    links         links packages that are already installed in this program's environment
    installer     installs the other packages with uv
"""
