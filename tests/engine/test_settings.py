import pytest

from snapgui.audit.settings import AuditSettings
from snapgui.engine.presets import PRESETS, preset_of
from snapgui.engine.settings import AttackSettings, CellSettings
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


@pytest.mark.parametrize("values", [[], "", 5, None])
def test_settings_that_are_no_table_are_a_sentence(values) -> None:
    with pytest.raises(SettingsError, match="must be settings by name"):
        CellSettings.from_json(values)


def test_a_preset_is_known_again_in_records_of_before() -> None:
    for name, preset in PRESETS.items():
        values = preset.attack.to_json()
        del values["stains"]
        assert preset_of(AttackSettings.from_json(values), preset.cells) == name
