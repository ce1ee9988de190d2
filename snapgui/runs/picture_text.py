"""Where a picture comes from, as text inside its PNG.

Nothing here depends on when it is exported: same input, same bytes.
"""

import json
import struct
import zlib
from typing import Any

from snapgui.engine.images import open_picture
from snapgui.runs.records import RunResult

_HEAD = 33  # signature and IHDR: text may stand from here on
MADE_TO_FOOL = "Adversarial picture: changed on purpose to fool a classifier. Research use only."


def run_text(result: RunResult, comment: str) -> dict[str, str]:
    """Texts of a run's pictures and figures by keyword; the image's own name is left out, since it may name a
    patient.
    """
    request = result.request
    settings = {
        "attack": request.attack.to_json(),
        "cells": request.cells.to_json() if request.cells else None,
    }
    return {
        "Software": f"SNAP Studio {result.versions.get('snap-studio', '')}".strip(),
        "Run": result.run_id,
        "Model SHA-256": result.model_sha256,
        "Image SHA-256": result.image_sha256,
        "Settings": json.dumps(settings, sort_keys=True),
        "Comment": comment,
    }


def audit_text(about: dict[str, Any], name: str, comment: str) -> dict[str, str]:
    """Texts of an audit's pictures and figures by keyword."""
    return {
        "Software": f"SNAP Studio {about.get('versions', {}).get('snap-studio', '')}".strip(),
        "Audit": name,
        "Model SHA-256": str(about.get("model_sha256", "")),
        "Settings": json.dumps(about.get("settings", {}), sort_keys=True),
        "Comment": comment,
    }


def add_text(png: bytes, text: dict[str, str]) -> bytes:
    """The same PNG with texts (iTXt) after its header; not a byte of its pixels changes."""
    chunks = b"".join(
        _chunk(key.encode("latin-1") + b"\0\0\0\0\0" + value.encode()) for key, value in text.items()
    )
    return png[:_HEAD] + chunks + png[_HEAD:]


def text_of(png: bytes) -> dict[str, str]:
    """The texts inside a PNG by keyword; raises ImageError where it is no picture."""
    with open_picture(png) as picture:
        return {str(key): str(value) for key, value in picture.info.items() if isinstance(value, str)}


def _chunk(data: bytes) -> bytes:
    kind = b"iTXt"
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
