"""The parent of the warm kernels: when a second one starts, when they end, and which failures they survive."""

import gc
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

import psutil
import pytest
from jupyter_client.manager import KernelManager

from mlops.errors import ParameterError
from mlops.kernels import key, launch, limit, parent_client
from mlops.kernels.key import make_key
from mlops.kernels.leftovers import name_interpreter
from mlops.kernels.messages import MessageError, open_channel
from mlops.kernels.parent_client import RETRY_SECONDS, connect, find_key, start_parent
from mlops.kernels.running_parents import (
    ANSWER_SECONDS,
    RunningParent,
    list_failed_starts,
    list_parents,
    stop_parents,
)
from mlops.kernels.socket_folder import UnavailableError, find_folder
from mlops.parameters.kernel_section import KernelSettings

WaitFor = Callable[..., bool]
Running = Callable[[int], bool]


def find_parent(kernel: Any) -> int:
    """Return the parent process of a kernel, after checking that it is a parent of warm kernels."""
    parent = int(kernel.run("import os; print(os.getppid())"))
    assert "mlops.kernels.parent" in psutil.Process(parent).cmdline()
    return parent


def get_running(pid: int, seconds: float = ANSWER_SECONDS) -> RunningParent:
    """Return the parent with this id from the list."""
    return next(parent for parent in list_parents(seconds) if parent.pid == pid)


def read_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings that a user would see."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_kernels_share_a_parent_that_may_fork(start_kernel: Any) -> None:
    """The parent has one thread, and neither a zmq context nor a database."""
    parents = {find_parent(start_kernel()) for _ in range(2)}
    assert len(parents) == 1
    pid = parents.pop()
    assert len(psutil.Process(pid).threads()) == 1
    files = {os.readlink(f"/proc/{pid}/fd/{file}").split(":")[0] for file in os.listdir(f"/proc/{pid}/fd")}
    harmless = (".log", ".ttf")  # matplotlib closes its fonts in a fork
    assert {name for name in files if not name.endswith(harmless)} == {"/dev/null", "socket", "anon_inode"}
    kinds = {os.readlink(f"/proc/{pid}/fd/{file}") for file in os.listdir(f"/proc/{pid}/fd")}
    assert {kind for kind in kinds if kind.startswith("anon_inode")} == {"anon_inode:[pidfd]"}


def test_a_parent_that_has_imported_polars_has_run_no_query(start_kernel: Any) -> None:
    """The threads of a query would be missing in its forks, whose queries would wait for them forever."""
    kernel = start_kernel()
    assert kernel.run("import sys; print('polars' in sys.modules)") == "True"
    run = "import polars, os; print(len(polars.select(polars.int_range(9)).lazy().collect(engine='streaming')))"
    assert kernel.run(run) == "9"
    tasks = Path(f"/proc/{find_parent(kernel)}/task").iterdir()
    assert [task.joinpath("comm").read_text().strip()[:6] for task in tasks] == ["python"]


def test_the_list_says_what_it_costs(start_kernel: Any) -> None:
    kernel = start_kernel()
    parent = get_running(find_parent(kernel), 60)
    assert (parent.ready, parent.problem) == (True, "")
    assert [fork.pid for fork in parent.forks] == [kernel.process.pid]
    assert parent.forks[0].kind == "kernel"
    assert parent.forks[0].memory > 10 * 2**20
    assert parent.memory > 10 * 2**20
    assert parent.path.is_socket()
    assert 0 < parent.age < 3600


def test_only_this_user_can_connect(start_kernel: Any) -> None:
    path = get_running(find_parent(start_kernel())).path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "PYTHONHASHSEED", "HOME", "MLOPS_KERNELS_OWNER", "LC_ALL"])
def test_another_variable_that_imports_read_has_another_parent(name: str) -> None:
    settings = KernelSettings(warm=True, idle_minutes=10, preload=("pandas",))
    environ = {"PATH": "/bin", "UNRELATED": "1", name: "1"}
    first = make_key(settings, environ, "/")
    assert make_key(settings, environ | {"UNRELATED": "2"}, "/").name == first.name
    assert make_key(settings, environ | {name: "2"}, "/").name != first.name
    assert "UNRELATED" not in first.environ


def test_another_hard_limit_has_another_parent() -> None:
    """A fork cannot raise a limit that its parent has inherited, unless it has the rights of root."""
    script = "import resource as r, sys\nfrom mlops.kernels.parent_client import find_key\n"
    script += "r.setrlimit(r.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))\nprint(find_key().name)"

    def name(soft: int, hard: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", script, str(soft), str(hard)],
            env={**os.environ, "MLOPS_WARM_KERNELS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert name(100, 256) == name(200, 256) != name(200, 257)


def test_what_libraries_set_themselves_is_no_difference() -> None:
    settings = KernelSettings(warm=True, idle_minutes=10, preload=("pandas",))
    assert make_key(settings, key.USUAL, "/").name == make_key(settings, {}, "/").name


def test_other_packages_have_another_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = KernelSettings(warm=True, idle_minutes=10, preload=("pandas",))
    monkeypatch.setattr("site.getsitepackages", lambda: [str(tmp_path)])
    first = make_key(settings, {}, "/")
    assert make_key(settings, {}, "/").name == first.name
    (tmp_path / "new_package").mkdir()
    assert make_key(settings, {}, "/").name != first.name


def test_a_link_to_the_engine_has_the_same_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = KernelSettings(warm=True, idle_minutes=10, preload=("pandas",))
    first, module = make_key(settings, {}, "/"), Path(key.__file__)
    (tmp_path / "link").symlink_to(module.parent)
    monkeypatch.setattr(key, "__file__", str(tmp_path / "link" / module.name))
    assert make_key(settings, {}, "/").name == first.name


def test_other_settings_and_flags_have_another_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        make_key(KernelSettings(True, minutes, preload), {}, "/", flags).name
        for minutes in (1, 2)
        for preload in (("a",), ("b",))
        for flags in ((), ("-O",))
    }
    assert len(names) == 8
    monkeypatch.setattr(sys, "executable", "/another/python")
    assert make_key(KernelSettings(True, 1, ("a",)), {}, "/").name not in names


@pytest.mark.parametrize("owner", ["abc", "-5", "1.5"])
def test_an_owner_that_is_no_process_id_is_refused(owner: str) -> None:
    with pytest.raises(ParameterError, match=rf"MLOPS_KERNELS_OWNER is '{owner}', but it must be the id of a process"):
        find_key({**os.environ, "MLOPS_KERNELS_OWNER": owner, "MLOPS_WARM_KERNELS": "1"})


def test_it_ends_with_its_owner(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path], wait_for: WaitFor, running: Running
) -> None:
    with subprocess.Popen(["sleep", "60"]) as owner:
        environ = {**os.environ, "MLOPS_KERNELS_OWNER": str(owner.pid)}
        kernel = start_kernel(cwd=str(make_project()), env=environ)
        parent = find_parent(kernel)
        owner.kill()
    assert wait_for(lambda: not running(parent))
    assert wait_for(lambda: not running(kernel.process.pid))
    assert kernel.process.wait(60) == -9
    assert [path.name for path in private_folder.iterdir()] == ["lock"]


def test_it_ends_when_idle(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path], wait_for: WaitFor, running: Running
) -> None:
    """A parent ends after the idle time in the settings, but never while it has a kernel."""
    kernel = start_kernel(cwd=str(make_project(idle_minutes=0.01)))
    parent = find_parent(kernel)
    time.sleep(1.5)
    assert running(parent)
    kernel.stop()
    assert wait_for(lambda: not running(parent))
    assert not list(private_folder.glob("*.sock"))


def test_only_so_many_stay_alive_and_the_one_idle_longest_ends_first(
    private_folder: Path,
    start_kernel: Any,
    make_project: Callable[..., Path],
    wait_for: WaitFor,
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two parents stay alive by default. A busy one ends after its kernel."""
    monkeypatch.setattr(limit, "ANSWER_SECONDS", 60)
    project, parents, kernels = str(make_project()), [], []
    for number in range(4):
        kernels.append(start_kernel(cwd=project, env={**os.environ, "KMP_OF_THE_TEST": str(number)}))
        parents.append(find_parent(kernels[-1]))
        if number in (0, 1):
            kernels[-1].stop()
        if number == 2:
            assert wait_for(lambda: not running(parents[0]))
            assert running(parents[1])
    assert len(set(parents)) == 4
    assert wait_for(lambda: not running(parents[1]))
    assert running(parents[2])  # after the fourth start there are two
    start_kernel(cwd=project, env={**os.environ, "KMP_OF_THE_TEST": "4"})
    assert running(parents[2])
    assert kernels[2].run("print('alive')") == "alive"
    kernels[2].stop()
    assert wait_for(lambda: not running(parents[2]))
    assert running(parents[3])
    assert len(list(private_folder.glob("*.sock"))) == 2


def test_it_ends_when_its_socket_is_gone(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path], wait_for: WaitFor, running: Running
) -> None:
    kernel = start_kernel(cwd=str(make_project()))
    parent = find_parent(kernel)
    get_running(parent).path.unlink()
    other = start_kernel(cwd=str(make_project()))
    assert other.warm
    assert find_parent(other) != parent
    assert kernel.run("print('alive')") == "alive"
    kernel.stop()
    assert wait_for(lambda: not running(parent))


def test_when_it_is_killed_its_kernels_go_and_the_next_has_a_new_one(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path], wait_for: WaitFor, running: Running
) -> None:
    kernel = start_kernel(cwd=str(make_project()))
    parent = find_parent(kernel)
    os.kill(parent, signal.SIGKILL)
    assert kernel.process.wait(60) == -9
    assert wait_for(lambda: not running(kernel.process.pid))
    assert not kernel.manager.is_alive()
    other = start_kernel(cwd=str(make_project()))
    assert other.warm
    assert find_parent(other) != parent


def test_stopping_all_parents_ends_their_kernels(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path]
) -> None:
    kernel = start_kernel(cwd=str(make_project()))
    parent = find_parent(kernel)
    assert [stopped.pid for stopped in stop_parents()] == [parent]
    assert kernel.process.wait(60) == -9
    assert list_parents() == []


def test_a_failed_start_is_listed_until_the_next_attempt(
    private_folder: Path,
) -> None:
    for name, python in {"own": sys.executable, "other": "/usr/bin/env"}.items():
        (find_folder() / f"{name}.log").write_bytes(name_interpreter(python))
        (find_folder() / f"{name}.failed").write_text(f"The parent {name} did not start.")
    assert list_failed_starts() == ["The parent own did not start."]
    for moment in (-RETRY_SECONDS, 3600):  # it failed long ago, or the clock was set back by an hour since
        os.utime(find_folder() / "own.failed", (0, time.time() + moment))
        assert list_failed_starts() == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x02[]",
        b"\0\0\0\x03nil",
        b'\0\0\0\x0f{"ask": "fork"}',
        b"\0\0\0\xff{",
        b"\0\0\0\x02{}",
    ],
)
def test_it_survives_odd_clients(start_kernel: Any, garbage: bytes, wait_for: WaitFor) -> None:
    kernel = start_kernel()
    parent = find_parent(kernel)
    path = get_running(parent).path
    for file in (False, True):
        with socket.socket(socket.AF_UNIX) as odd:
            odd.connect(str(path))
            with open(os.devnull) as null:
                socket.send_fds(odd, [garbage or b"\0"], [null.fileno()] if file else [])
    assert wait_for(lambda: start_kernel().warm)
    assert kernel.run("print('alive')") == "alive"


def test_a_silent_client_keeps_nobody_waiting(start_kernel: Any) -> None:
    path = get_running(find_parent(start_kernel())).path
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        silent.send(b"\0\0")
        assert start_kernel().warm  # a parent that waited for the rest of the message would answer nobody


def test_a_request_must_be_whole(start_kernel: Any) -> None:
    path = get_running(find_parent(start_kernel())).path
    channel = open_channel(path)
    assert channel is not None
    assert channel.wait(60) is not None
    whole = {"ask": "fork", "kind": "kernel", "argv": [1], "entry": "", "directory": "/", "environ": {}, "umask": 0}
    channel.send({**whole, "ignored": [], "limits": {}})
    with pytest.raises(MessageError, match="^the other side closed the connection$"):
        channel.wait(60)
    channel.close()


def test_a_module_that_cannot_be_imported_is_left_out(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    kernel = start_kernel(cwd=str(make_project("no_such_module, fractions")))
    assert kernel.warm
    assert kernel.run("import sys; print('fractions' in sys.modules)") == "True"
    assert "no_such_module could not be imported: ModuleNotFoundError" in next(private_folder.glob("*.log")).read_text()
    assert read_warnings(caplog) == []


def test_a_package_of_the_project_is_imported_anew_by_every_kernel(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path]
) -> None:
    """Edits take effect even if a preloaded library has imported the module in the parent."""
    folder = make_project("plugin")
    (folder / "plugin.py").write_text("import churn")
    (folder / "src" / "churn").mkdir(parents=True)
    module = folder / "src" / "churn" / "__init__.py"
    module.touch()
    os.utime(module, (time.time() + 60,) * 2)  # as if it were edited after the import
    kernel = start_kernel(cwd=str(folder), env={**os.environ, "PYTHONPATH": f"{folder}:{folder / 'src'}"})
    assert kernel.warm
    assert kernel.run("import sys; print('plugin' in sys.modules, 'churn' in sys.modules)") == "True False"


@pytest.mark.parametrize(
    ("module", "problem", "seconds"),
    [
        pytest.param(
            "import os; os._exit(3)", "did not start. It ended before it was ready (see ", 60, marks=pytest.mark.slow
        ),
        ("import time; time.sleep(60)", "did not start. It ended before it was ready (see ", 2),
        (
            "import threading, time; threading.Thread(target=time.sleep, args=[60]).start()",
            "Importing odd starts a thr",
            60,
        ),
    ],
    ids=["crash", "hang", "thread"],
)
def test_a_parent_that_cannot_be(
    private_folder: Path,
    start_kernel: Any,
    make_project: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    problem: str,
    seconds: int,
) -> None:
    """A fresh kernel starts, with one line of warning. The next kernel starts no other parent."""
    folder = make_project("odd")
    (folder / "odd.py").write_text(f"open({str(folder / 'imported')!r}, 'a').write('once')\n{module}")
    for import_seconds in (seconds, 60):
        monkeypatch.setattr(parent_client, "IMPORT_SECONDS", import_seconds)
        caplog.clear()
        kernel = start_kernel(cwd=str(folder), env={**os.environ, "PYTHONPATH": str(folder)})
        assert not kernel.warm
        assert kernel.run("print(1)") == "1"
        (warning,) = read_warnings(caplog)
        assert "Starting a fresh kernel instead of a warm one. " in warning
        assert problem in warning
        assert "\n" not in warning
    assert (folder / "imported").read_text() == "once"
    reported = [parent.problem for parent in list_parents()] + list_failed_starts()
    assert len(reported) == 1
    assert problem in reported[0]


def test_a_parent_that_cannot_start_a_process_says_why(
    private_folder: Path, start_kernel: Any, make_project: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    """The limit on processes does not hold for root, so a preloaded module stands for the limit."""
    folder = make_project("limiting")
    (folder / "limiting.py").write_text(
        "import errno, os\n\ndef fail():\n    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))\n\nos.fork = fail"
    )
    assert not start_kernel(cwd=str(folder), env={**os.environ, "PYTHONPATH": str(folder)}).warm
    assert read_warnings(caplog) == [
        "Starting a fresh kernel instead of a warm one. The parent of the warm kernels could not start a process: "
        "Resource temporarily unavailable. End other processes, or raise the limit on processes (`ulimit -u`)."
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_full_disk_gives_a_fresh_kernel(
    tmp_path: Path, start_kernel: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="mlops-test-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], check=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    (folder / "full").write_bytes(bytes(4096))
    try:
        assert not start_kernel().warm
    finally:
        subprocess.run(["umount", folder], check=True)
    folder.rmdir()
    assert read_warnings(caplog) == [
        f"Starting a fresh kernel instead of a warm one. {folder}/mlops-kernels-0 cannot be written: No space left on "
        "device. Free some space there, or set XDG_RUNTIME_DIR to another folder."
    ]


def test_a_parent_that_does_not_answer_is_replaced_by_a_fresh_kernel(
    stepwise: Any, wait_for: WaitFor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepwise("last")
    assert wait_for((stepwise.folder / "holding").exists)  # the parent imports this module, and does not answer
    monkeypatch.setattr(parent_client, "ANSWER_SECONDS", 0.3)
    assert not stepwise("last").warm
    (stepwise.folder / "go").touch()
    (warning,) = read_warnings(caplog)
    assert "It did not answer within 0.3 s" in warning


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"pass_fds": [0]}, "A forked kernel does not support the option pass_fds=[0]."),
        ({"stdin": subprocess.PIPE}, "A forked kernel does not support the option stdin=PIPE."),
    ],
)
def test_an_option_that_a_fork_cannot_have_gives_a_fresh_kernel(
    start_kernel: Any, caplog: pytest.LogCaptureFixture, options: dict[str, Any], problem: str
) -> None:
    assert not start_kernel(**options).warm
    assert problem in read_warnings(caplog)[0]
    assert len(read_warnings(caplog)) == 1


def test_a_folder_that_is_not_private(
    private_folder: Path, start_kernel: Any, caplog: pytest.LogCaptureFixture
) -> None:
    private_folder.mkdir(mode=0o755)
    assert not start_kernel().warm
    assert read_warnings(caplog) == [
        f"Starting a fresh kernel instead of a warm one. {private_folder} is not a private folder of this user. "
        "Delete it and try again."
    ]


def test_a_link_is_no_private_folder(private_folder: Path, tmp_path: Path) -> None:
    private_folder.symlink_to(tmp_path)
    with pytest.raises(UnavailableError, match="is not a private folder of this user"):
        find_folder()


def test_a_long_name_of_a_folder_is_avoided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    assert find_folder().parent == Path("/tmp")


def test_a_kernel_that_ends_while_it_starts_leaves_nothing(
    start_kernel: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fork ends before the fresh kernel takes its connection file."""
    parent = find_parent(start_kernel())
    limits = {"RLIMIT_NOFILE": [20, 20]}
    make = launch.make_request
    monkeypatch.setattr(launch, "make_request", lambda *words, **named: _replace(make(*words, **named), limits=limits))
    assert not start_kernel().warm
    assert "The warm kernel ended during its start with exit code" in read_warnings(caplog)[0]
    assert len(read_warnings(caplog)) == 1
    assert len(get_running(parent).forks) == 1


def _replace(request: Any, **changes: Any) -> Any:
    return type(request)(**{**vars(request), **changes})


def test_another_kernel_is_left_alone(start_kernel: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UnavailableError, match="The kernel needs .*, but warm kernels run on "):
        launch.launch(["/usr/bin/another/python3", "-m", "ipykernel_launcher", "-f", "x"], {})
    with pytest.raises(UnavailableError, match="does not start ipykernel"):
        launch.launch([sys.executable, "-m", "another_kernel", "-f", "x"], {})


def test_a_switched_off_kernel_says_nothing(start_kernel: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert not start_kernel(warm=False).warm
    assert read_warnings(caplog) == []


def test_starting_in_the_background(
    private_folder: Path, make_project: Callable[..., Path], wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start returns before the imports are done. Commands use the parent only when they are."""
    folder = make_project("slow")
    (folder / "slow.py").write_text(
        f"import pathlib, time\nwhile not pathlib.Path({str(folder / 'go')!r}).exists(): time.sleep(0.01)"
    )
    found = find_key({**os.environ, "PYTHONPATH": str(folder)}, str(folder))
    assert found is not None
    assert connect(found, start=False) is None
    start_parent(found)
    connection = connect(found)
    assert connection is not None
    assert "slow" in connection.pending
    connection.channel.close()
    assert connect(found, start=False) is None
    assert [parent.ready for parent in list_parents(0.1)] == [False]
    (folder / "go").touch()
    assert wait_for(lambda: connect(found, start=False) is not None)


@pytest.fixture
def stepwise(make_project: Callable[..., Path], start_kernel: Any) -> Callable[..., Any]:
    """Starts kernels in a project whose parent imports the modules first, held and last. `held` waits for a file."""
    folder = make_project("first, held, last")
    (folder / "first.py").write_text(
        "import time\nended = time.process_time() + 0.5\n"
        "while time.process_time() < ended: pass  # so that the request comes before `held`\n"
        "done = []\ndef rehearse(): done.append(True)"
    )
    (folder / "last.py").touch()
    (folder / "held.py").write_text(
        f"import pathlib, time\npathlib.Path({str(folder / 'holding')!r}).touch()\n"
        f"while not pathlib.Path({str(folder / 'go')!r}).exists(): time.sleep(0.01)"
    )

    def start(imports: str) -> Any:
        (folder / "own.ipynb").write_text(
            json.dumps({"cells": [{"cell_type": "code", "source": [f"import {imports}"]}]})
        )
        environ = {**os.environ, "PYTHONPATH": str(folder), "JPY_SESSION_NAME": str(folder / "own.ipynb")}
        return start_kernel(env=environ, cwd=str(folder))

    start.folder = folder  # type: ignore[attr-defined]
    return start


LOADED = "import sys; print([name for name in ('first', 'held', 'last') if name in sys.modules])"


def test_a_kernel_starts_when_what_its_notebook_imports_is_there(stepwise: Any, wait_for: WaitFor) -> None:
    """The kernel waits neither for other modules of the parent, nor for modules that come earlier in the list."""
    kernel = stepwise("last")
    assert kernel.warm
    assert kernel.run(LOADED) in ("['last']", "['first', 'last']")
    (stepwise.folder / "go").touch()
    parent = find_parent(kernel)
    assert wait_for(lambda: get_running(parent).ready)
    assert stepwise("last").run(LOADED) == "['first', 'held', 'last']"


def test_a_kernel_waits_for_what_its_notebook_imports(stepwise: Any) -> None:
    Timer(0.5, (stepwise.folder / "go").touch).start()
    kernel = stepwise("held")
    assert kernel.warm
    assert "held" in kernel.run(LOADED)


def test_only_the_first_kernel_starts_before_the_first_time_work_of_its_modules(stepwise: Any) -> None:
    kernels = [stepwise("first")]
    (stepwise.folder / "go").touch()
    kernels.append(stepwise("first"))
    assert [kernel.run("import first; print(first.done)") for kernel in kernels] == ["[]", "[True]"]


def test_a_module_that_exits_is_left_out(make_project: Callable[..., Path], start_kernel: Any) -> None:
    folder = make_project("odd, fine")
    (folder / "odd.py").write_text("raise SystemExit('no licence')")
    (folder / "fine.py").touch()
    kernel = start_kernel(env={**os.environ, "PYTHONPATH": str(folder)}, cwd=str(folder))
    assert kernel.warm
    assert kernel.run("import sys; print('odd' in sys.modules, 'fine' in sys.modules)") == "False True"


def test_a_kernel_keeps_the_temporary_folder_of_a_module(make_project: Callable[..., Path], start_kernel: Any) -> None:
    """matplotlib creates such a folder when it is imported if HOME cannot be written to, as in many containers."""
    folder = make_project("holder")
    code = "import atexit, shutil, tempfile; made = tempfile.mkdtemp(dir={!r}); atexit.register(shutil.rmtree, made)"
    (folder / "holder.py").write_text(code.format(str(folder)))
    kernel = start_kernel(env={**os.environ, "PYTHONPATH": str(folder)}, cwd=str(folder))
    assert kernel.warm
    made = Path(kernel.run("import holder; print(holder.made)"))
    kernel.stop()
    assert made.is_dir()


def test_an_import_that_hangs_ends_no_kernel_that_is_already_in_use(stepwise: Any, wait_for: WaitFor) -> None:
    kernel = stepwise("last")  # `held` is imported after it was forked, and nobody lets it end
    parent = find_parent(kernel)
    assert wait_for((stepwise.folder / "holding").exists)
    os.kill(parent, signal.SIGALRM)  # as at the time limit
    assert wait_for(lambda: get_running(parent).ready)
    assert kernel.run(LOADED) in ("['last']", "['first', 'last']")
    assert "held could not be imported: LateError" in get_running(parent).path.with_suffix(".log").read_text()


def test_a_kernel_that_waits_is_told_of_a_module_that_starts_a_thread(
    make_project: Callable[..., Path], start_kernel: Any, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_project("threads")
    (folder / "threads.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    (folder / "own.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": ["import threads"]}]}))
    environ = {**os.environ, "PYTHONPATH": str(folder), "JPY_SESSION_NAME": str(folder / "own.ipynb")}
    assert not start_kernel(env=environ, cwd=str(folder)).warm
    (warning, *_) = read_warnings(caplog)
    assert "Importing threads starts a thread, which a fork would not have." in warning
    assert "If kernels.preload in parameters/base.yml lists threads, remove it there." in warning


def _start_and_kill(kernels: int, folder: Path) -> None:
    """Start kernels, one after the other, and kill each as soon as it is ready."""
    file = folder / "connection.json"
    cmd = [sys.executable, *key.FLAGS, "-m", "ipykernel_launcher", "-f", str(file)]
    for _ in range(kernels):
        file.unlink(missing_ok=True)  # so that each takes free ports, not those of the one before
        process = launch.launch(cmd, {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL})
        assert process is not None
        process.kill()
        assert process.wait(60) == -9


@pytest.mark.parametrize("kernels", [5, pytest.param(1000, marks=pytest.mark.slow)])
def test_nothing_leaks(start_kernel: Any, tmp_path: Path, wait_for: WaitFor, kernels: int) -> None:
    """The parent leaks neither memory nor open files nor processes."""
    parent = psutil.Process(find_parent(start_kernel()))
    found = find_key()
    assert found is not None
    assert get_running(parent.pid).path.stem == found.name  # it also forks the kernels below
    _start_and_kill(3, tmp_path)
    gc.collect()  # closes what earlier tests left open, so that it does not hide a leak
    time.sleep(0.2)  # the parent closes the connection after it has reported the exit code
    memory, files = parent.memory_info().rss, parent.num_fds()
    own_files = psutil.Process().num_fds()
    _start_and_kill(kernels, tmp_path)
    gc.collect()
    assert wait_for(lambda: parent.num_fds() <= files)  # fewer if an earlier kernel's connection was still closing
    assert psutil.Process().num_fds() <= own_files
    assert parent.memory_info().rss - memory < 2 * 2**20
    assert len(parent.children()) == len(get_running(parent.pid).forks) == 1


@pytest.mark.parametrize("kernels", [5, pytest.param(300, marks=pytest.mark.slow)])
def test_a_kernel_that_is_asked_to_end_ends_by_itself(kernels: int) -> None:
    """ipykernel's threads may wait for each other at the end, and then the manager has to kill it: one in fifty did."""
    codes = []
    for _ in range(kernels):
        manager = KernelManager(shutdown_wait_time=300)
        manager.start_kernel(stderr=subprocess.DEVNULL)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready()
        process = manager.provisioner.process
        client.stop_channels()
        manager.shutdown_kernel()
        codes.append(process.returncode)
    assert codes == [0] * kernels
