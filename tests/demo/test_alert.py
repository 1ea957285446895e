from __future__ import annotations

from tiffin.demo.alert import new_alert
from tiffin.intake.alerts import alerts_that_roll_back


def test_the_alert_is_one_that_rolls_back_the_revision_it_names() -> None:
    (alert,) = alerts_that_roll_back(new_alert("credit-risk", "v2-1a2b3c4d"))
    assert (alert.service, alert.revision) == ("credit-risk", "v2-1a2b3c4d")


def test_each_alert_is_a_new_one() -> None:
    rollbacks = {alerts_that_roll_back(new_alert("a", "b"))[0].rollback for _ in range(2)}
    assert len(rollbacks) == 2
