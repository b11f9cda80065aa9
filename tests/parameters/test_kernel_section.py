"""The section `kernels` of base.yml."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from given_parameters import load_parameters

from mlops.errors import ParameterError
from mlops.parameters.kernel_section import DECLARED, KernelSettings, find_settings


def write_layer(folder: Path, text: str, name: str = "base") -> Path:
    """Write a layer of parameters."""
    (folder / "parameters").mkdir(exist_ok=True)
    (folder / "parameters" / f"{name}.yml").write_text(text)
    return folder


def test_the_section_of_base_yml_holds_in_every_folder_below(tmp_path: Path) -> None:
    write_layer(tmp_path, "kernels: {warm: false, idle_minutes: 3, preload: [pandas, sklearn.svm]}")
    (tmp_path / "deep").mkdir()
    expected = KernelSettings(warm=False, idle_minutes=3.0, preload=("pandas", "sklearn.svm"))
    assert find_settings({}, str(tmp_path / "deep")) == expected


def test_what_it_does_not_say_keeps_its_default(tmp_path: Path) -> None:
    settings = find_settings({}, str(write_layer(tmp_path, "platform: local")))
    assert {name: getattr(settings, name) for name in ("warm", "idle_minutes", "parents")} == {
        one.name: one.default for one in DECLARED if one.name != "preload"
    }
    assert list(settings.preload) == DECLARED[-1].default


def test_an_edit_is_seen(tmp_path: Path) -> None:
    for minutes in (1, 2):
        path = write_layer(tmp_path, f"kernels: {{idle_minutes: {minutes}}}") / "parameters" / "base.yml"
        os.utime(path, ns=(minutes, minutes))
        assert find_settings({}, str(tmp_path)).idle_minutes == minutes


def test_the_environment_variable_switches_warm_kernels_off(tmp_path: Path) -> None:
    write_layer(tmp_path, "kernels: {warm: true}")
    assert not find_settings({"MLOPS_WARM_KERNELS": "0"}, str(tmp_path)).warm
    assert find_settings({"MLOPS_WARM_KERNELS": "1"}, str(tmp_path)).warm


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "kernels: {idle_minute: 3}",
            "parameters/base.yml: kernels.idle_minute is unknown. Did you mean 'idle_min",
        ),
        ("kernels: {warm: 1}", "parameters/base.yml: kernels.warm is 1, but it must be true or false"),
        ("kernels: {idle_minutes: 0}", "kernels.idle_minutes is 0, but it must be a number in (0, inf)"),
        ("kernels: {preload: pandas}", "kernels.preload is 'pandas', but it must be a list"),
        ("kernels: {preload: [3]}", "kernels.preload: 3 is not the name of a module. For example, write `- pandas`."),
        ("kernels: {preload: ['import os']}", "kernels.preload: 'import os' is not the name of a module"),
        ("kernels: 3", "parameters/base.yml: kernels is 3, but it must be a mapping"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    """By `mlops` before anything runs, and by whoever starts a kernel."""
    write_layer(tmp_path, f"platform: local\n{text}")
    load: list[Callable[[], object]] = [lambda: load_parameters(tmp_path, []), lambda: find_settings({}, str(tmp_path))]
    for read in load:
        with pytest.raises(ParameterError) as raised:
            read()
        assert message in str(raised.value)


def test_no_package_of_the_project_is_preloaded(tmp_path: Path) -> None:
    (tmp_path / "src" / "churn").mkdir(parents=True)
    (tmp_path / "src" / "churn" / "__init__.py").touch()
    (tmp_path / "src" / "start.py").touch()
    (tmp_path / "src" / "start.egg-info").mkdir()
    write_layer(tmp_path, "kernels: {preload: [diabetes, mlops.numbers]}")
    settings = find_settings({}, str(tmp_path))
    assert (settings.preload, settings.own) == (("diabetes", "mlops.numbers"), ("mlops", "churn", "start"))
    write_layer(tmp_path, "platform: local\nkernels: {preload: [churn.model]}")
    os.utime(tmp_path / "parameters" / "base.yml", ns=(1, 1))
    with pytest.raises(ParameterError, match="kernels.preload: churn.model belongs to the project"):
        find_settings({}, str(tmp_path))
    with pytest.raises(ParameterError, match="kernels.preload: churn.model belongs to the project"):
        load_parameters(tmp_path, [])


def test_it_stands_in_base_alone(tmp_path: Path) -> None:
    write_layer(tmp_path, "platform: local")
    write_layer(tmp_path, "kernels: {warm: false}", "local")
    with pytest.raises(ParameterError, match=r"parameters/local\.yml: kernels\.warm .* belongs in base\.yml"):
        load_parameters(tmp_path, [])


def test_the_project_s_own(project: Path) -> None:
    settings = find_settings({}, str(project))
    assert settings.warm
    assert {"pandas", "sklearn.linear_model", "matplotlib.pyplot", "mlflow"} <= set(settings.preload)


def test_every_module_that_base_yml_lists_exists(project: Path) -> None:
    """A parent leaves out what it cannot import, and only its log says so."""
    listed = find_settings({}, str(project)).preload
    assert [module for module in listed if find_spec(module) is None] == []
    assert "mlops.backends.local" in listed
