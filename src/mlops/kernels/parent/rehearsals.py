"""The first-time work of libraries: slow work at first use, such as finding fonts. A parent does it once."""

import io
from collections.abc import Callable

from mlops.kernels.parent.application import prepare_application

REHEARSE = "rehearse"  # a preloaded module can define a function of this name for its own first-time work


def _draw_plot() -> None:
    from matplotlib.backends import backend_registry
    from matplotlib.figure import Figure

    backend_registry.list_all()
    figure = Figure(layout="constrained")
    figure.add_subplot().plot([0, 1], label="line")
    figure.axes[0].set(xlabel="x", ylabel="y", title="title")
    figure.axes[0].legend()
    figure.savefig(io.BytesIO(), format="png")


def _query() -> None:
    from sqlalchemy.orm import configure_mappers

    configure_mappers()


def _show_table() -> None:
    import pandas

    pandas.DataFrame({"number": [0.5], "text": ["a"]}).describe(include="all").to_html()


def _compute_metric() -> None:
    import pandas
    from sklearn.metrics import mean_squared_error

    values = pandas.Series([0.0, 1.0])  # for tables, scikit-learn also imports the 20 modules of narwhals
    mean_squared_error(values, values)


# The function that does the first-time work of a module, by the name of the module. After the first fork, it is called
# right after the import of its module. Before the first fork, it is called after the imports of all modules, so that
# the first kernel does not wait for it.
REHEARSALS: dict[str, Callable[[], object]] = {
    "ipykernel.kernelapp": prepare_application,
    "matplotlib.backends.backend_agg": _draw_plot,
    "mlflow.store.tracking.sqlalchemy_store": _query,
    "pandas.io.formats.html": _show_table,
    "sklearn.metrics": _compute_metric,
}
