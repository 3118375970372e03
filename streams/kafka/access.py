"""How a Kafka cluster is reached: servers, TLS, SASL; one answer for Faust and the admin client."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faust
from yarl import URL

from schemas.errors import HubError

SCHEME = "kafka"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PORT = 9092


class KafkaSettingsWrong(HubError):
    """The cluster cannot be reached like this; the message says what to change."""


@dataclass(frozen=True)
class KafkaAccess:
    """servers: host:port of some brokers; the rest are learned from them.

    tls:        whether the connection is encrypted; ca_file: who vouches for the brokers, else the
                system's authorities; cert_file, key_file: who we are, where the brokers ask.
    user:       signs in by SASL when it is given, with `password` and `mechanism`.
    replicas:   copies of each topic that we make; 3 on a cluster of three brokers or more.
    """

    servers: tuple[str, ...]
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    user: str | None = None
    password: str = field(default="", repr=False)
    mechanism: str = "SCRAM-SHA-512"
    replicas: int = 1

    @classmethod
    def of(cls, broker_url: str, **given: Any) -> "KafkaAccess":
        """kafka://host:port;kafka://host:port. Raises: KafkaSettingsWrong."""
        servers = tuple(_server(part.strip()) for part in broker_url.split(";"))
        access = cls(servers, **given)
        if access.mechanism not in MECHANISMS:
            raise KafkaSettingsWrong(f"mechanism is one of {', '.join(MECHANISMS)}")
        if bool(access.cert_file) != bool(access.key_file):
            raise KafkaSettingsWrong("cert_file and key_file go together")
        if not access.tls and (access.ca_file or access.cert_file):
            raise KafkaSettingsWrong("ca_file and cert_file need tls = true")
        return access

    def context(self) -> ssl.SSLContext | None:
        """Raises: KafkaSettingsWrong when a file cannot be used."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            raise KafkaSettingsWrong(f"TLS files: {error.strerror or error}") from error
        return context

    def credentials(self) -> Any:
        """For Faust; None where the brokers ask for nothing."""
        if self.user is not None:
            return faust.SASLCredentials(
                username=self.user,
                password=self.password,
                ssl_context=self.context(),
                mechanism=self.mechanism,
            )
        return faust.SSLCredentials(self.context()) if self.tls else None

    def client(self) -> dict[str, Any]:
        """For aiokafka's own clients."""
        security = ("SASL_" if self.user is not None else "") + ("SSL" if self.tls else "PLAINTEXT")
        given: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": security,
            "ssl_context": self.context(),
        }
        if self.user is not None:
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return given


def _server(text: str) -> str:
    refused = KafkaSettingsWrong(f"write {SCHEME}://host:port, several with ; between")
    try:
        url = URL(text)
    except ValueError:  # a port that is no number
        raise refused from None
    if url.user or url.password:
        raise KafkaSettingsWrong("user and password go into the section [kafka]")
    if url.scheme != SCHEME or not url.host or url.path.strip("/") or url.query_string:
        raise refused
    return f"{url.host}:{url.port or _PORT}"
