"""The user who starts a run."""

import getpass

from mlops.record.user import find_user


def test_on_a_build_agent_it_is_the_one_who_started_the_build() -> None:
    assert find_user({"BUILD_REQUESTEDFOR": "Ann Lee", "USER": "vsts"}) == "Ann Lee"
    assert find_user({"GITHUB_ACTOR": "ann"}) == "ann"
    assert find_user({}) == getpass.getuser()
