import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A private key and the certificate that it signed itself, both PEM. */
export interface Certificate {
  key: Buffer;
  cert: Buffer;
}

/**
 * Make a certificate for a server on this machine, valid for a day; nothing is left on disk.
 * @param names - subject alternative names; `localhost` and the loopback addresses if absent.
 * @throws Error when the `openssl` program is missing; Node itself can read certificates but not make them.
 */
export async function selfSignedCertificate(
  names = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1'],
): Promise<Certificate> {
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout -'.split(' ');
  const subject = ['-days', '1', '-subj', '/CN=localhost', '-addext', `subjectAltName=${names.join(',')}`];
  const { stdout } = await promisify(execFile)('openssl', ['req', '-x509', ...key, ...subject]);
  const certificateStart = stdout.indexOf('-----BEGIN CERTIFICATE');
  return {
    key: Buffer.from(stdout.slice(0, certificateStart)),
    cert: Buffer.from(stdout.slice(certificateStart)),
  };
}
