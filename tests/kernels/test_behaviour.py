"""A warm kernel behaves as a fresh one: every test runs on both."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from jupyter_core.utils import ensure_event_loop

CELLS = {
    "the user's module is __main__": ("import __main__; x = 5; print(__main__.x, __name__)", "5 __main__"),
    "it leads a session of its own": ("import os; print(os.getpid() == os.getpgrp() == os.getsid(0))", "True"),
    "nothing of the project is imported": (
        "import sys; print([m for m in sys.modules if m.split('.')[0] == 'progression'])",
        "[]",
    ),
    "arguments": ("print(os.path.basename(sys.argv[0]), sys.argv[1])", "ipykernel_launcher.py -f"),
    "the way it was started": ("print(sys.orig_argv[1:4])", "['-Xfrozen_modules=off', '-m', 'ipykernel_launcher']"),
    "the debugger skips what was there at the start": (
        "import ipykernel.ipkernel, tabnanny; skipped = get_ipython().kernel.debugger.kernel_modules\n"
        "print(ipykernel.__file__ in skipped, tabnanny.__file__ in skipped, ipykernel.ipkernel.sys is sys)",
        "True False True",
    ),
    "%reset aggressive keeps the modules of the start": (
        "names, shellapp = get_ipython()._sys_modules_keys, sys.modules['IPython.core.shellapp']\n"
        "print({'IPython', 'ipykernel.zmqshell', '__main__'} <= names, 'tabnanny' in names, shellapp.sys is sys)",
        "True False True",
    ),
    "the kernel's log": (
        "import logging; log = logging.getLogger('IPKernelApp'); (handler,) = log.handlers\n"
        "print(log.level, log.propagate, log.disabled, type(handler).__name__)\n"
        "print(handler.stream is sys.stderr, type(handler.formatter).__name__, log is get_ipython().kernel.parent.log)",
        "10 False False StreamHandler\nFalse LevelFormatter True",
    ),
    "garbage collection is on": ("import gc; print(gc.isenabled())", "True"),
    "a figure is shown in line": (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nNone",
        "image/png text/plain",
    ),
    "matplotlib's backend": ("import matplotlib; print(matplotlib.get_backend().split('.')[-1])", "backend_inline"),
    "pandas shows 20 columns": ("import pandas; print(pandas.get_option('display.max_columns'))", "20"),
    "a table is HTML": ("pandas.DataFrame({'a': [1]})", "text/html text/plain"),
    "tqdm knows the notebook": (
        "import warnings\nwith warnings.catch_warnings(record=True) as seen:\n    import tqdm.auto\n"
        "print(str(seen[0].message)[:19])",
        "IProgress not found",
    ),
    "a command of the shell": ("!echo hi", "hi"),
    "output of the operating system": ("import time; os.write(1, b'raw\\n'); time.sleep(.2)", "raw"),
    "output of a child process": ("import subprocess; _ = subprocess.run(['echo', 'sub']); time.sleep(.2)", "sub"),
    "input is empty": ("print(os.read(0, 1))", "b''"),
    "processes by fork": (
        "import multiprocessing as mp\nwith mp.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-1, -2]))",
        "[1, 2]",
    ),
    "processes by spawn": ("with mp.get_context('spawn').Pool(2) as pool: print(pool.map(abs, [-1, -2]))", "[1, 2]"),
    "processes by forkserver": (
        "with mp.get_context('forkserver').Pool(1) as pool: print(pool.map(abs, [-1, -2]))",
        "[1, 2]",
    ),
    "processes start where the kernel is": (
        "with mp.get_context('spawn').Pool(1) as pool: print(pool.apply(os.getcwd) == os.getcwd())",
        "True",
    ),
    "linear algebra on every processor": (
        "import numpy as np, threadpoolctl\na = np.random.rand(600, 600); b = a @ a\n"
        "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()} == {len(os.sched_getaffinity(0))})",
        "True",
    ),
    "scipy's linear algebra": ("import scipy.linalg; print(scipy.linalg.svd(a)[0].shape)", "(600, 600)"),
    "OpenMP": (
        "from sklearn.ensemble import HistGradientBoostingRegressor as Model\n"
        "print(Model(max_iter=5).fit(a, a[:, 0]).predict(a[:1]).shape)",
        "(1,)",
    ),
    "k-means": ("from sklearn.cluster import KMeans; print(KMeans(3, n_init=1).fit(a).labels_.shape)", "(600,)"),
    "threads of joblib": (
        "from sklearn.ensemble import RandomForestRegressor as Model\n"
        "print(Model(4, n_jobs=2, max_depth=2).fit(a, a[:, 0]).n_features_in_)",
        "600",
    ),
    "processes of joblib": (
        "from joblib import Parallel, delayed\ndef double(x): return 2 * x\n"
        "print(Parallel(2)(delayed(double)(i) for i in range(3)))",
        "[0, 2, 4]",
    ),
    "threads of Arrow": (
        "pandas.DataFrame(np.random.rand(20000, 8), columns=list('abcdefgh')).to_parquet('x.parquet')\n"
        "print(len(pandas.read_parquet('x.parquet')))",
        "20000",
    ),
    "threads of polars": (
        "import polars\nlong = polars.DataFrame({'x': list(range(100_000))}).lazy()\n"
        "print(long.group_by(polars.col('x') % 7).agg(polars.len()).collect(engine='streaming').height)",
        "7",
    ),
    "await": ("import asyncio; await asyncio.sleep(.01); print('awake')", "awake"),
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\nprint(list(ThreadPoolExecutor(2).map(abs, [-1])))",
        "[1]",
    ),
    "magics": ("%load_ext autoreload\n%autoreload 2\n%env TERM_OF_TEST=1", "env: TERM_OF_TEST=1"),
    "the interpreter": ("print(sys.executable)", sys.executable),
    "requests for a name of a home": ("print(os.path.expanduser('~'))", os.path.expanduser("~")),
}


# k-means also uses OpenMP, and imports less.
DEAR = ("OpenMP",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in DEAR else name for name in CELLS]
)
def test_a_warm_kernel_prints_what_a_fresh_one_does(kernel: Any, name: str) -> None:
    code, expected = CELLS[name]
    assert kernel.run(code) == expected


def test_sys_path_has_the_folder_of_the_notebook(kernel: Any) -> None:
    here = Path(kernel.run("print(os.getcwd())"))
    (here / "beside.py").write_text("x = 1")
    assert kernel.run("import beside; print(beside.x)") == "1"


@pytest.mark.parametrize("code", ["time.sleep(3600)", "while True: pass"])
def test_an_interrupt_ends_the_cell_and_not_the_kernel(
    kernel: Any, tmp_path: Path, wait_for: Callable[..., bool], code: str
) -> None:
    begun = tmp_path / "begun"

    def interrupt() -> None:
        wait_for(begun.exists)
        with contextlib.closing(ensure_event_loop()):
            kernel.manager.interrupt_kernel()

    threading.Thread(target=interrupt).start()
    begin = f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()"
    assert kernel.run(f"{begin}\n{code}").startswith("KeyboardInterrupt")
    assert kernel.run("print('alive')") == "alive"


def test_a_kernel_inherits_what_its_client_has(start_alike: Any, tmp_path: Path) -> None:
    """Folder, environment, file mode mask, ignored signals and limits are the client's."""
    files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    mask, hangup = os.umask(0o027), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_NOFILE, (777, hard))
    try:
        kernel = start_alike(cwd=str(tmp_path), env={**os.environ, "OF_THE_TEST": "yes"})
    finally:
        os.umask(mask)
        signal.signal(signal.SIGHUP, hangup)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    assert kernel.run(
        "import os, resource, signal; print(os.getcwd(), os.environ['OF_THE_TEST'], os.environ['JPY_PARENT_PID'], "
        "oct(os.umask(0)), resource.getrlimit(resource.RLIMIT_NOFILE)[0], *[signal.getsignal(s).name for s in "
        "(signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGALRM)])"
    ) == (f"{tmp_path} yes {os.getpid()} 0o27 777 SIG_IGN SIG_IGN SIG_DFL SIG_DFL")


def test_a_variable_of_the_parent_s_client_is_not_seen(start_alike: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_ANOTHER", "secret")
    environ = {name: value for name, value in os.environ.items() if name != "OF_ANOTHER"}
    kernel = start_alike(env=environ)
    assert kernel.run("import os; print(os.environ.get('OF_ANOTHER'))") == "None"
    assert kernel.run("print('OF_ANOTHER' in open('/proc/self/environ').read())") == "False"


def test_matplotlib_s_settings_in_the_folder(start_alike: Any, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 7\n")
    kernel = start_alike(cwd=str(tmp_path))
    assert kernel.run("import matplotlib; print(matplotlib.rcParams['lines.linewidth'])") == "7.0"
    assert kernel.run("import matplotlib.pyplot as plt; plt.plot([1]); None") == "image/png text/plain"


def test_another_matplotlib_backend_is_used(start_alike: Any) -> None:
    kernel = start_alike(env={**os.environ, "MPLBACKEND": "agg"})
    assert kernel.run("import matplotlib; print(matplotlib.get_backend())").lower() == "agg"


@pytest.mark.parametrize("now", [True, False])
def test_a_restart_gives_another_process_without_the_old_names(start_alike: Any, now: bool) -> None:
    kernel = start_alike()
    before = kernel.process.pid
    kernel.run("x = 1")
    kernel.manager.restart_kernel(now=now)
    kernel.client.wait_for_ready(timeout=60)
    assert type(kernel.manager.provisioner.process) is type(kernel.process)
    assert kernel.manager.provisioner.process.pid != before
    assert kernel.run("print('x' in globals())") == "False"


@pytest.mark.parametrize(
    ("end", "code"),
    [("os._exit(3)", 3), ("os.kill(os.getpid(), 11)", -11), ("os.kill(os.getpid(), 9)", -9)],
)
def test_the_exit_code_is_that_of_the_process(
    start_alike: Any, wait_for: Callable[..., bool], end: str, code: int
) -> None:
    kernel = start_alike()
    assert kernel.process.poll() is None
    assert kernel.manager.is_alive()
    kernel.client.execute(f"import os; {end}")
    assert wait_for(lambda: kernel.process.poll() is not None)
    assert kernel.process.poll() == kernel.process.returncode == code
    assert not kernel.manager.is_alive()


def test_a_shutdown_runs_exit_handlers_and_leaves_no_process(
    start_alike: Any, tmp_path: Path, running: Callable[[int], bool]
) -> None:
    """Exit handlers run, and the exit code is 0."""
    kernel = start_alike(cwd=str(tmp_path))
    kernel.run("import atexit; atexit.register(lambda: open('ended', 'w').close())")
    kernel.stop()
    assert (tmp_path / "ended").exists()
    assert kernel.process.returncode == 0
    assert not running(kernel.process.pid)
    assert not kernel.manager.has_kernel


def test_a_kill_ends_the_children_of_the_kernel_too(start_alike: Any, running: Callable[[int], bool]) -> None:
    kernel = start_alike()
    child = int(kernel.run("import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"))
    kernel.stop(now=True)
    assert kernel.process.returncode == -9
    assert not running(kernel.process.pid)
    assert not running(child)


def test_random_numbers_differ(start_alike: Any) -> None:
    code = (
        "import numpy, random, secrets, tempfile, uuid, multiprocessing\nprint(numpy.random.rand(), random.random(), "
        "uuid.uuid4(), tempfile.mktemp(), hash(bytes(multiprocessing.current_process().authkey)))"
    )
    first, second = (start_alike().run(code).split() for _ in range(2))
    assert not set(first) & set(second)


def test_the_hash_seed_that_is_asked_for(start_alike: Any, make_project: Callable[..., Path]) -> None:
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    expected = subprocess.run(
        [sys.executable, "-c", "print(hash('a'))"], env=environ, capture_output=True, text=True, check=True
    )
    assert start_alike(env=environ, cwd=str(make_project())).run("print(hash('a'))") == expected.stdout.strip()


def test_its_own_error_output(start_alike: Any, tmp_path: Path) -> None:
    with (tmp_path / "errors").open("w") as errors:
        kernel = start_alike(stdout=subprocess.DEVNULL, stderr=errors)
    kernel.run("import sys; sys.__stderr__.write('to the real one'); sys.__stderr__.flush()")
    kernel.stop()
    assert "to the real one" in (tmp_path / "errors").read_text()


def test_its_output_by_pipes(start_alike: Any) -> None:
    kernel = start_alike(stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = kernel.process.stdout
    assert output is not None
    kernel.run("import sys; sys.__stdout__.write('piped\\n'); sys.__stdout__.flush()")
    assert any(b"piped" in line for line in output)  # a thread of the kernel passes it on, at any time
    kernel.manager.signal_kernel(signal.SIGKILL)
    output.read()  # ends with the kernel


def test_sockets_in_a_folder(start_alike: Any, tmp_path: Path) -> None:
    kernel = start_alike(manager={"transport": "ipc", "ip": str(tmp_path / "k")})
    assert kernel.run("print(1)") == "1"


def test_an_orphan_ends(start_alike: Any, wait_for: Callable[..., bool], running: Callable[[int], bool]) -> None:
    warm = os.environ | {"MLOPS_WARM_KERNELS": "1" if start_alike().warm else "0"}
    code = (
        "import time; from jupyter_client.manager import KernelManager; manager = KernelManager(); "
        "manager.start_kernel(); print(manager.provisioner.process.pid, flush=True); time.sleep(60)"
    )
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=warm)
    assert client.stdout is not None
    kernel = int(client.stdout.readline())
    assert running(kernel)
    client.kill()
    client.wait()
    client.stdout.close()
    assert wait_for(lambda: not running(kernel))


def test_several_kernels_start_at_once(start_alike: Any) -> None:
    def start(number: int) -> Any:
        with contextlib.closing(ensure_event_loop()):
            return start_alike()

    with ThreadPoolExecutor(3) as pool:
        kernels = list(pool.map(start, range(3)))
    assert len({kernel.process.pid for kernel in kernels}) == 3
    assert [kernel.run("print(1)") for kernel in kernels] == ["1", "1", "1"]


def test_an_edit_is_live(start_alike: Any, tmp_path: Path, make_project: Callable[..., Path]) -> None:
    """A module of the project that was edited is imported again by the next kernel."""
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for value in ("1", "22"):
        (tmp_path / "edited.py").write_text(f"value = {value}\n")
        kernel = start_alike(env=environ, cwd=str(make_project()))
        assert kernel.run("import edited; print(edited.value)") == value
        kernel.stop(now=True)


def test_an_edit_of_the_engine_is_live(start_kernel: Any, tmp_path: Path, project: Path) -> None:
    """The parent has imported the engine's modules. A fork keeps them until a file of the engine changes."""
    engine, settings = tmp_path / "engine", tmp_path / "parameters"
    shutil.copytree(project / "src" / "mlops", engine / "mlops", ignore=shutil.ignore_patterns("__pycache__"))
    settings.mkdir()
    (settings / "base.yml").write_text("kernels: {preload: [mlops.numbers]}\n")
    options = {"env": {**os.environ, "PYTHONPATH": str(engine)}, "cwd": str(tmp_path)}
    assert start_kernel(**options).run("import sys; print('mlops.numbers' in sys.modules)") == "True"
    with (engine / "mlops" / "numbers.py").open("a") as module:
        module.write("EDITED = 1\n")
    kernel = start_kernel(**options)
    assert kernel.run("import sys; print('mlops.numbers' in sys.modules)") == "False"
    assert kernel.run("import mlops.numbers; print(mlops.numbers.EDITED)") == "1"
