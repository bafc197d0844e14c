"""Apache Kafka for development and tests: its own jars, fetched with Maven, as a one-node KRaft broker."""
