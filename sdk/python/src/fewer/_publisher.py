"""Puts together what the discovery mapping says, and says it again when something changed."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from typing import Dict, List, Optional

from . import _calibration, _clock, _counters, _discovery
from ._accelerator import accelerator
from ._records import Records
from ._version import VERSION

SCHEMA = 1


class Publisher:
    """The mappings of this process; callers hold the SDK's lock around ``publish``."""

    def __init__(self, page: _counters.Page, records: Records) -> None:
        self.layout: Optional[_calibration.Layout] = None
        self.problems: Dict[str, str] = {}
        self._page = page
        self._records = records
        self._mappings: Dict[str, _discovery.Mapping] = {}
        self._pid = 0

    def start(self, variable: "ContextVar[bytes]") -> None:
        """Calibrates and publishes for the first time."""
        try:
            self.layout = _calibration.calibrate(variable)
        except Exception as error:  # Unknown interpreters may fail in any way; all of them mean "publish no offsets".
            self.problems["calibration"] = str(error) or type(error).__name__
        self.publish()

    def publish(self) -> None:
        """Publishes the present state. The parent's mappings are forgotten in a child: they are not there any more."""
        try:
            if self._pid != os.getpid():
                self.forget()
                self._pid = os.getpid()
            resource = self._resource()
            if _discovery.NAME not in self._mappings:
                self._mappings[_discovery.NAME] = _discovery.fewer_mapping()
            self._mappings[_discovery.NAME].publish(_discovery.payload(resource, self._attributes()))
            self._publish_otel(resource)
        except Exception as error:  # No memory files, a sandbox: labels stay invisible, the application is unharmed.
            self.problems["discovery"] = str(error) or type(error).__name__

    def forget(self) -> None:
        """Drops the mappings without touching them."""
        self._mappings.clear()

    def published(self) -> List[str]:
        """Names of the mappings of this process."""
        return sorted(self._mappings) if self._pid == os.getpid() else []

    def _publish_otel(self, resource: Dict[str, _discovery.Value]) -> None:
        """Publishes OTEL_CTX for readers of the thread-local record, if asked for and if nobody else has done so."""
        if os.environ.get("FEWER_OTEL_CTX", "0") in ("", "0") or accelerator is None:
            return
        if _discovery.OTEL_NAME not in self._mappings:
            if _discovery.otel_is_published():
                return
            self._mappings[_discovery.OTEL_NAME] = _discovery.otel_mapping()
        attributes: Dict[str, _discovery.Value] = {
            "threadlocal.schema_version": "tlsdesc_v1_dev",
            "threadlocal.attribute_key_map": list(self._records.keys),
        }
        self._mappings[_discovery.OTEL_NAME].publish(_discovery.payload(resource, attributes))

    def _resource(self) -> Dict[str, _discovery.Value]:
        return {
            **_discovery.resource_of(dict(os.environ)),
            "telemetry.sdk.name": "fewer",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": VERSION,
            "process.runtime.name": sys.implementation.name,
            "process.runtime.version": ".".join(map(str, sys.version_info[:3])),
        }

    def _attributes(self) -> Dict[str, _discovery.Value]:
        address = self._page.address()
        attributes: Dict[str, _discovery.Value] = {
            "fewer.schema": SCHEMA,
            "threadlocal.attribute_key_map": list(self._records.keys),
            "fewer.counters_addr": address,
            "fewer.counters_slots": _counters.SLOTS,
            "fewer.counters_schema": _counters.SCHEMA,
            "fewer.counters_slot_bytes": _counters.SLOT_WORDS * 8,
            "fewer.evaluations_addr": address + _counters.FIRST_EVALUATION * 8,
            "fewer.evaluations_slots": _counters.EVALUATIONS,
            "fewer.measures": ["cpu_ns"] + (["instructions"] if _clock.instruction_clock.available else []),
        }
        if self.layout is None:
            attributes["fewer.calibration_error"] = self.problems.get("calibration", "not done")[:255]
            return attributes
        attributes["threadlocal.schema_version"] = _calibration.SCHEMA
        for name, value in self.layout._asdict().items():
            attributes[f"fewer.cpython.{name}"] = value
        return attributes
