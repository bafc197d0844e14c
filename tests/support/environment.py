"""Settings as environment variables, for processes that read them there."""

from tallygate.runtime.config import Settings


def environment_of(settings: Settings) -> dict[str, str]:
    """Variables that give another process the same data directory, Kafka and ClickHouse."""
    kafka, clickhouse = settings.kafka, settings.clickhouse
    security = {
        f"TALLYGATE_KAFKA__{name.upper()}": str(value)
        for name, value in kafka.model_dump(mode="json", exclude_none=True).items()
        if name.startswith(("security_", "sasl_", "ssl_")) and name != "sasl_password"
    }
    if kafka.sasl_username:
        security["TALLYGATE_KAFKA__SASL_PASSWORD"] = kafka.sasl_password.get_secret_value()
    return {
        **security,
        "TALLYGATE_DATA_DIR": str(settings.data_dir),
        "TALLYGATE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "TALLYGATE_KAFKA__PARTITIONS": str(kafka.partitions),
        "TALLYGATE_KAFKA__SESSION_TIMEOUT_MS": str(kafka.session_timeout_ms),
        "TALLYGATE_CLICKHOUSE__HOST": clickhouse.host,
        "TALLYGATE_CLICKHOUSE__PORT": str(clickhouse.port),
    }
