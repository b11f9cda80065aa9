"""Jupyter's own tests of a kernel (`jupyter_kernel_test`), over a warm one."""

from typing import Any

import jupyter_kernel_test
import pytest
from jupyter_client.manager import start_new_kernel

from mlops.kernels.process import WarmProcess

QUIET_SECONDS = 1.0  # seconds without a message; the package's own 0.1 is too short on a busy machine

pytestmark = pytest.mark.slow


class TestWarmKernel(jupyter_kernel_test.KernelTests):
    """The tests of jupyter_kernel_test, which skips tests whose attributes are empty."""

    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('an error', file=sys.stderr)"
    code_page_something = "zip?"
    code_generate_error = "raise ValueError('of the test')"
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"
    code_execute_result = [
        {"code": "6*7", "result": "42"},
        {"code": "12*3", "result": "36"},
        {"code": "12*4", "result": "48"},
        {"code": "12*5", "result": "60"},
    ]
    code_display_data = [
        {"code": "from IPython.display import HTML, display; display(HTML('<b>x</b>'))", "mime": "text/html"},
        {"code": "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()", "mime": "image/png"},
    ]
    completion_samples = [{"text": "zi", "matches": {"zip"}}]
    complete_code_samples = ["1", "print('hello')", "def f(x):\n  return x*2\n\n"]
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x*2"]
    invalid_code_samples = ["import = 7q"]
    code_history_pattern = "12?5"
    supported_history_operations = ("tail", "search")  # in history ranges, IPython calls the present session 0

    @classmethod
    def setUpClass(cls) -> None:
        """Start a kernel with a history of its own."""
        cls.km, cls.kc = start_new_kernel(extra_arguments=["--HistoryManager.hist_file=:memory:"])
        assert isinstance(cls.km.provisioner.process, WarmProcess)
        hear = cls.kc.iopub_channel.get_msg

        def hear_patiently(timeout: float | None = None) -> dict[str, Any]:
            found: dict[str, Any] = hear(timeout=max(timeout or 0.0, QUIET_SECONDS))
            return found

        cls.kc.iopub_channel.get_msg = hear_patiently
