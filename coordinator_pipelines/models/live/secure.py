"""Models that are called over mutual TLS, and must show their owner's signature in every reply.

Add here what secure mode asks of a connection; avoid joining and calling (``runner``). The
published client takes every reply without a signature for an impostor's. But a server that is
busy, or does not answer in time, signs nothing: such a reply is passed on as the failure it is.
"""

from ssl import SSLError
from typing import Any

import grpc
from model_runner_client.security.credentials import SecureCredentials
from model_runner_client.security.grpc_auth_interceptor import WalletTlsAuthClientInterceptor
from model_runner_client.security.tls_peer_key import (
    PeerTlsRsaKey,
    TlsProbeError,
    fetch_peer_rsa_spki_mtls,
)

TRUSTED_UNSIGNED = {grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED}
"""Replies that mean something else without a signature: an answer, and a refusal of ours."""


class WalletCheck(WalletTlsAuthClientInterceptor):  # type: ignore[misc]  # untyped package
    """Holds every answer to the wallet that owns the model."""

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Pass on a call that failed by itself; verify any other."""
        call = await continuation(client_call_details, request)
        signed = self.MESSAGE_KEY in dict(await call.initial_metadata() or ())
        if not signed and await call.code() not in TRUSTED_UNSIGNED:
            return call

        async def made(*_: Any) -> Any:
            return call

        return await super().intercept_unary_unary(made, client_call_details, request)


async def peer_key(
    host: str, port: int, server_name: str, credentials: SecureCredentials
) -> PeerTlsRsaKey:
    """The certificate that the server shows, and its public key.

    Raises:
        TlsProbeError: it cannot be trusted, or is none.
        TimeoutError: nobody answers there now.
    """
    try:
        return await fetch_peer_rsa_spki_mtls(
            host=host, port=port, tls_ctx=credentials.tls_ctx, server_hostname=server_name
        )
    except TlsProbeError as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, SSLError):
            # The published client gives up at the first try, also where a server just restarts.
            raise TimeoutError(str(error)) from error
        raise


def channels(
    target: str,
    options: list[tuple[str, Any]],
    credentials: SecureCredentials,
    peer: PeerTlsRsaKey,
    expected: dict[str, Any],
) -> tuple[grpc.aio.Channel, grpc.aio.Channel]:
    """A channel whose replies are held to the wallet (``expected_...``), and one for health."""
    secret = grpc.ssl_channel_credentials(
        root_certificates=peer.leaf_cert_pem,
        private_key=credentials.key_bytes,
        certificate_chain=credentials.cert_bytes,
    )
    check = WalletCheck(tls_pub=peer.spki_der, **expected)
    return (
        grpc.aio.secure_channel(target, secret, options=options, interceptors=[check]),
        grpc.aio.secure_channel(target, secret, options=options),
    )
