"""The colours of code, compared with those of nbconvert's own filter."""

import pytest
from nbconvert.filters import Highlight2HTML

from mlops.portal.highlighting import highlight_code


@pytest.mark.parametrize(
    ("source", "metadata"),
    [
        ("", {}),
        ('import json\n\n@cache\ndef read(path: str) -> int:\n    """Read."""\n    return f"{path} < &"  # fast', {}),
        ("x != 1 and x % 2", {}),
        ("%matplotlib inline\n!ls -l\njson?\n", {}),
        ("%%bash\nls *.py", {"magics_language": "bash"}),
        ("%%sql\nselect 1 from x", {"magics_language": "sql"}),
    ],
)
def test_code_is_colored_as_by_nbconvert(source: str, metadata: dict[str, str]) -> None:
    expected = Highlight2HTML(pygments_lexer="ipython3")(source, metadata=metadata)
    assert highlight_code(source) == expected.replace(' class=" highlight hl-ipython3"', ' class="highlight"')
