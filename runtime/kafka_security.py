"""How Kafka's clients authenticate and encrypt: one set of options for aiokafka, one for Faust."""

import ssl
from typing import Any

from tallygate.runtime.config import ConfigError, KafkaConfig


def security_options(config: KafkaConfig) -> dict[str, Any]:
    """Options for every aiokafka client.

    Raises:
        ConfigError: a certificate or key can't be read.
    """
    options: dict[str, Any] = {"security_protocol": config.security_protocol}
    if config.security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl_context(config)
    if config.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = config.sasl_mechanism
        options["sasl_plain_username"] = config.sasl_username
        options["sasl_plain_password"] = config.sasl_password.get_secret_value()
    return options


def faust_options(config: KafkaConfig) -> dict[str, Any]:
    """The same for a Faust application; empty for plain text.

    Raises:
        ConfigError: a certificate or key can't be read.
    """
    from faust.auth import SASLCredentials, SSLCredentials

    encrypted = ssl_context(config) if config.security_protocol.endswith("SSL") else None
    if config.security_protocol.startswith("SASL"):
        credentials: Any = SASLCredentials(
            username=config.sasl_username,
            password=config.sasl_password.get_secret_value(),
            ssl_context=encrypted,
            mechanism=config.sasl_mechanism,
        )
    elif encrypted is not None:
        credentials = SSLCredentials(context=encrypted)
    else:
        return {}
    return {"broker_credentials": credentials}


def ssl_context(config: KafkaConfig) -> ssl.SSLContext:
    """TLS as configured.

    Raises:
        ConfigError: a certificate or key can't be read.
    """
    try:
        context = ssl.create_default_context(cafile=config.ssl_ca_file)
        if config.ssl_cert_file is not None:
            context.load_cert_chain(config.ssl_cert_file, config.ssl_key_file)
    except (OSError, ssl.SSLError) as error:
        files = [config.ssl_ca_file, config.ssl_cert_file, config.ssl_key_file]
        named = ", ".join(str(path) for path in files if path is not None)
        raise ConfigError(f"kafka: the certificates can't be used ({named}): {error}") from error
    context.check_hostname = config.ssl_check_hostname
    return context
