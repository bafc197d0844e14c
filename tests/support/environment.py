"""Settings as environment variables, for processes that read them there."""

from tallygate.runtime.config import Settings


def environment_of(settings: Settings) -> dict[str, str]:
    """Variables that give another process the same data directory, Kafka and ClickHouse."""
    kafka, clickhouse = settings.kafka, settings.clickhouse
    return {
        "TALLYGATE_DATA_DIR": str(settings.data_dir),
        "TALLYGATE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "TALLYGATE_KAFKA__PARTITIONS": str(kafka.partitions),
        "TALLYGATE_KAFKA__SESSION_TIMEOUT_MS": str(kafka.session_timeout_ms),
        "TALLYGATE_CLICKHOUSE__HOST": clickhouse.host,
        "TALLYGATE_CLICKHOUSE__PORT": str(clickhouse.port),
    }
