"""The eight notebooks as a pipeline of `mlops run`. Import this module before the command line."""

from mlops.pipelines import PIPELINES
from mlops.pipelines.step import Step

EIGHT = (
    Step("data_test", "1_data_test"),
    Step("train", "2_train", needs=("data_test",)),
    Step("evaluate", "3_evaluate", needs=("train",)),
    Step("register", "4_register", needs=("train",)),
    Step("image", "5_image", needs=("register",)),
    Step("deploy", "6_deploy", needs=("image",)),
    Step("test_service", "7_test_service", needs=("deploy",)),
    Step("monitor", "8_monitor", needs=("train",)),
)
PIPELINES.clear()
PIPELINES.update(eight=EIGHT, all=EIGHT)


def main() -> None:
    """Run the real command line. This function is called in a fork of the parent of warm kernels."""
    from mlops.cli import main as run_command_line

    run_command_line()
