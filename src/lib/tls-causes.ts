import { connect } from 'node:tls';

/** Explanations of TLS errors, by the codes of Node and OpenSSL. */
const causes: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the server’s certificate has expired',
  CERT_NOT_YET_VALID: 'the server’s certificate is not valid yet',
  CERT_REVOKED: 'the server’s certificate is revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the server’s certificate is for another host name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the server’s certificate is self-signed and not trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'the server’s certificate comes from a CA that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'the server’s certificate comes from a CA that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the server’s certificate comes from a CA that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the server’s certificate comes from a CA that is not trusted',
  CERT_SIGNATURE_FAILURE: 'the server’s certificate is not signed by the CA that is trusted',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server asks for a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the server does not trust our client certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'our client certificate has expired',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the server does not take our client certificate',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the server and we have no version or cipher of TLS in common',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server and we have no version of TLS in common',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the server and we have no version of TLS in common',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there',
};

/** @returns the explanation and the code; `undefined` for an error that is not of TLS. */
export function tlsCause(code: unknown): string | undefined {
  const words = typeof code === 'string' ? causes[code] : undefined;
  return words === undefined ? undefined : `TLS: ${words} (${code})`;
}

/**
 * Try a TLS handshake to learn why it fails, for client libraries that hide the cause.
 * @returns the explanation; `undefined` when the handshake succeeds or fails for a reason other than TLS.
 */
export function probeTls(
  server: { readonly host: string; readonly port: number } & TlsMaterial,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...server, timeout: PROBE_TIMEOUT_MS });
    const end = (cause: string | undefined): void => {
      socket.destroy();
      resolve(cause);
    };
    socket.once('secureConnect', () => end(undefined));
    socket.once('timeout', () => end(undefined));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(tlsCause(code)));
  });
}

/** Whether a server speaks TLS, whatever its certificate is, and whether or not it wants one of ours. */
export function speaksTls(server: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...server, rejectUnauthorized: false, timeout: PROBE_TIMEOUT_MS }).unref();
    const end = (does: boolean): void => {
      socket.destroy();
      resolve(does);
    };
    socket.once('secureConnect', () => end(true));
    socket.once('timeout', () => end(false)).once('close', () => end(false));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(/_ALERT_/.test(code ?? '')));
  });
}

/** PEM: trusted authorities instead of the system's, and the own certificate with its key. */
export interface TlsMaterial {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

const PROBE_TIMEOUT_MS = 3_000;
