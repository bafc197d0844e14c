"""Which probes belong to which way to run."""

import asyncio
from collections.abc import Mapping
from typing import Literal

from tallygate.infra import stack
from tallygate.infra.check import local, services
from tallygate.infra.check.findings import Finding, failed
from tallygate.infra.check.providers import providers
from tallygate.runtime.config import Settings

Mode = Literal["embedded", "distributed"]


async def run_checks(
    settings: Settings, mode: Mode, environ: Mapping[str, str], unknown_variables: list[str]
) -> list[Finding]:
    """All findings, in the order in which a person would look for the cause of a failure."""
    findings = [
        local.config_file(settings.config),
        *(failed("configuration", line) for line in unknown_variables),
    ]
    findings.append(local.data_directory(settings))
    _, endpoints = stack.embedded(settings)
    findings += await asyncio.gather(*(local.port(endpoint) for endpoint in endpoints))
    if mode == "embedded":
        findings.append(local.engine())
    else:
        findings += await asyncio.gather(services.kafka(settings), services.clickhouse(settings))
    return findings + await providers(settings, environ)
