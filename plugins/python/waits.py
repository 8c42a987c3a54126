"""A dual-write policy of Turnout: writes of the listed repositories wait for the other side, all others do not, and nobody is
called for a slow one. What each function is asked and must answer is in wit/dual-write.wit."""

import json

from componentize_py_types import Err
from wit_world.imports.dual_write_types import (
    MirrorPlan_Async, MirrorPlan_Sync, RetryDecision_Again, RetryDecision_Park,
)
from wit_world.imports.types import Description, InvalidSetting, SettingsError_Invalid

# As users write them in TOML. A key that is not here is refused.
SCHEMA = {
    "type": "object",
    "properties": {"wait_for": {"type": "array", "items": {"type": "string"}}, "wait_ms": {"type": "integer", "minimum": 1}},
    "additionalProperties": False,
}


# What `configure` makes of the settings. Nothing else that is remembered from call to call may matter.
wait_for, wait_ms = set(), 500


class WitWorld:
    """What the host calls: `configure` first, and once."""

    def describe(self):
        return Description(name="waits", version="0.1.0", settings_schema=json.dumps(SCHEMA))

    def configure(self, settings):
        global wait_ms
        written = json.loads(settings.json)
        for key in written:
            if key not in SCHEMA["properties"]:
                refuse(f"/{key}", f"unknown key `{key}`; there are {', '.join(SCHEMA['properties'])}")
        served = [repository.name for repository in settings.repositories]
        for place, name in enumerate(written.get("wait_for", [])):
            if name not in served:
                refuse(f"/wait_for/{place}", f"no repository is called `{name}`; there are {', '.join(served)}")
        wait_for.update(served.index(name) for name in written.get("wait_for", []))
        wait_ms = written.get("wait_ms", 500)

    def mirror(self, operation, authority):
        return MirrorPlan_Sync(wait_ms) if operation.target.repository in wait_for else MirrorPlan_Async()

    def retry(self, failure):
        return RetryDecision_Again(100 * failure.attempt) if failure.attempt < 10 else RetryDecision_Park()

    def settle(self, outcome):
        return []


def refuse(pointer, reason):
    """Refuses the settings: the host finds the line of the pointer."""
    raise Err(SettingsError_Invalid(InvalidSetting(pointer, reason)))
