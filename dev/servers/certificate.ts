import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A private key and a certificate for it, both PEM. */
export interface Certificate {
  key: Buffer;
  cert: Buffer;
}

export interface CertificateOptions {
  /** Subject alternative names; `localhost` and the loopback addresses if absent. */
  readonly names?: readonly string[] | undefined;
  /** Makes it valid until yesterday; otherwise it is valid for a day. */
  readonly expired?: boolean;
}

/** Signs certificates. */
export interface CertificateAuthority {
  /** The certificate that a client must trust. */
  readonly cert: Buffer;
  issue(options?: CertificateOptions): Promise<Certificate>;
}

const loopback = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1'];
const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout -'.split(' ');
/** @throws Error when the `openssl` program is missing; Node itself can read certificates but not make them. */
const openssl = async (...line: string[]): Promise<string> =>
  (await promisify(execFile)('openssl', line)).stdout;

/** Makes a self-signed certificate for a server on this machine, valid for a day; leaves nothing on disk. */
export async function selfSignedCertificate(names: readonly string[] = loopback): Promise<Certificate> {
  const subject = ['-days', '1', '-subj', '/CN=localhost', '-addext', `subjectAltName=${names.join(',')}`];
  return split(await openssl('req', '-x509', ...newKey, ...subject), 'CERTIFICATE');
}

/** Makes a private certificate authority. */
export async function certificateAuthority(): Promise<CertificateAuthority> {
  const own = split(
    await openssl('req', '-x509', ...newKey, '-days', '1', '-subj', '/CN=test CA'),
    'CERTIFICATE',
  );
  return {
    cert: own.cert,
    async issue({ names = loopback, expired = false } = {}) {
      const alternatives = `subjectAltName=${names.join(',')}`;
      const request = split(
        await openssl('req', '-new', ...newKey, '-subj', '/CN=localhost', '-addext', alternatives),
        'CERTIFICATE REQUEST',
      );
      const folder = await mkdtemp(join(tmpdir(), 'profile-ca-'));
      const file = (name: string): string => join(folder, name);
      try {
        await writeFile(file('ca.crt'), own.cert);
        await writeFile(file('ca.key'), own.key, { mode: 0o600 });
        await writeFile(file('request'), request.cert);
        const signing = ['-req', '-in', file('request'), '-CA', file('ca.crt'), '-CAkey', file('ca.key')];
        const days = ['-days', expired ? '-1' : '1', '-copy_extensions', 'copy', '-out', file('crt')];
        await openssl('x509', ...signing, ...days);
        return { key: request.key, cert: await readFile(file('crt')) };
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  };
}

/** Splits what `openssl` has printed: the key, then the rest. */
function split(printed: string, kind: string): Certificate {
  const start = printed.indexOf(`-----BEGIN ${kind}`);
  return { key: Buffer.from(printed.slice(0, start)), cert: Buffer.from(printed.slice(start)) };
}
