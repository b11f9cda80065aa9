"""The machines of Azure, as far as their size's name tells, and how many of them production needs."""

import re

LEAST_NODES, LEAST_CORES = 3, 12  # of a cluster for production (FastProd), which Azure Machine Learning demands
SIZE = re.compile(r"Standard_(?P<family>[A-Z]+)(?P<number>\d+)(?:-(?P<active>\d+))?[a-z]*(?P<rest>(?:_\w+)?)")
OLD_D = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 11: 2, 12: 4, 13: 8, 14: 16, 15: 20}  # D and DS up to v2 are only numbered
NUMBERED = ("G", "GS", "A")  # so are these, and Azure Machine Learning takes none of them for production


def count_cores(size: str) -> int | None:
    """Return the cores of a machine: "Standard_D4s_v5" has 4. None if the name does not tell."""
    found = SIZE.fullmatch(size)
    if found is None or found["family"] in NUMBERED:
        return None
    number = int(found["active"] or found["number"])
    if found["family"] in ("D", "DS") and found["rest"] in ("", "_v2", "_v2_Promo"):
        return OLD_D.get(number)
    return number
