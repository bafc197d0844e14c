"""A broker with TLS, users and access rules: the settings that `docs/operations.md` tells of, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MECHANISM = "SCRAM-SHA-512"
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class BrokerSecurity:
    """What a broker of one node needs for `SASL_SSL` with access rules."""

    ca_file: Path
    """Certificates (PEM) that sign the clients' and the broker's."""
    keystore_file: Path
    """The broker's key and its certificate chain, one PEM file."""
    admin_password: str = field(repr=False)
    """Of the user `admin`, who may do everything."""
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Passwords by name of those who may do what access rules let them."""

    def properties(self) -> str:
        """Lines of `server.properties`."""
        module = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        listener = f"listener.name.sasl_ssl.{MECHANISM.lower()}.sasl.jaas.config"
        return "\n".join(
            (
                "listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name=SASL_SSL",
                f"sasl.enabled.mechanisms={MECHANISM}",
                f"sasl.mechanism.inter.broker.protocol={MECHANISM}",
                f'{listener}={module} username="{ADMIN}" password="{self.admin_password}";',
                "ssl.keystore.type=PEM",
                f"ssl.keystore.location={self.keystore_file}",
                "ssl.truststore.type=PEM",
                f"ssl.truststore.location={self.ca_file}",
                "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                # Broker and controller are one process here, and speak over loopback without a name.
                f"super.users=User:{ADMIN};User:ANONYMOUS",
                "allow.everyone.if.no.acl.found=false",
            )
        )

    def format_options(self) -> list[str]:
        """Options of `kafka-storage format` that make the users."""
        passwords = {ADMIN: self.admin_password, **self.users}
        return [
            part
            for name, password in passwords.items()
            for part in ("--add-scram", f"{MECHANISM}=[name={name},password={password}]")
        ]
