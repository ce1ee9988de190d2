import pytest

from snapgui.audit.settings import AuditSettings
from snapgui.engine.settings import AttackSettings
from snapgui.errors import SettingsError


def test_a_record_without_leak_is_of_a_time_when_nothing_leaked() -> None:
    record = AttackSettings(steps=7).to_json()
    assert AttackSettings.from_json(record) == AttackSettings(steps=7) and AttackSettings().leak > 0
    del record["leak"]
    assert AttackSettings.from_json(record) == AttackSettings(steps=7, leak=0.0)
    audit = AuditSettings().to_json()
    del audit["attack"]["leak"]
    assert AuditSettings.from_json(audit).attack.leak == 0


def test_a_setting_that_is_not_known_is_named() -> None:
    with pytest.raises(SettingsError, match="AttackSettings has no setting lek"):
        AttackSettings.from_json({"lek": 0.1})
