"""Where an audit's numbers come from, for its report and inside every picture that leaves the tool."""

from snapgui.audit.read import FinishedAudit
from snapgui.report.pages.document import Section, settings_table
from snapgui.runs.picture_text import audit_text


def provenance(audit: FinishedAudit, comment: str) -> dict[str, str]:
    """Texts for the pictures and files that leave the tool."""
    return audit_text(audit.about, audit.folder.name, comment)


def origin_section(audit: FinishedAudit) -> Section:
    """Model, data set, versions and settings, and how the numbers can be checked."""
    about = audit.about
    origin = {
        "audit": audit.folder.name,
        "fingerprint": about["fingerprint"],
        "started": about["started"],
        "device": about.get("device"),
        "model": about["model"],
        "model SHA-256": about["model_sha256"],
        "data set": about["data"],
        "versions": ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items()),
    }
    how = f"The bundle of this audit can be checked on any computer: snap verify {audit.folder.name}.zip"
    return Section(
        "Where the numbers come from",
        (how,),
        tables=(settings_table("Origin", origin), settings_table("Settings", audit.settings.to_json())),
    )
