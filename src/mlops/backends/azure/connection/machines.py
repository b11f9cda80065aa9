"""The cores of Azure's machine sizes, and the minimum numbers of nodes and cores of a production cluster."""

import re

LEAST_NODES, LEAST_CORES = 3, 12  # Azure Machine Learning's minimum for a production cluster (FastProd)
SIZE = re.compile(r"Standard_(?P<family>[A-Z]+)(?P<number>\d+)(?:-(?P<active>\d+))?[a-z]*(?P<rest>(?:_\w+)?)")
# The cores of D and DS sizes up to v2, by the number in the name.
OLD_D = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 11: 2, 12: 4, 13: 8, 14: 16, 15: 20}
NUMBERED = ("G", "GS", "A")  # the number in these names is not the number of cores; Azure refuses them for production


def count_cores(size: str) -> int | None:
    """Return the number of cores of a machine size, such as 4 for "Standard_D4s_v5"; None if it is unknown."""
    found = SIZE.fullmatch(size)
    if found is None or found["family"] in NUMBERED:
        return None
    number = int(found["active"] or found["number"])
    if found["family"] in ("D", "DS") and found["rest"] in ("", "_v2", "_v2_Promo"):
        return OLD_D.get(number)
    return number
