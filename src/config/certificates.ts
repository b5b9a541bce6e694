import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** What settings mean, by their names. */
export type ReadSettings = Readonly<Record<string, unknown>>;

/** What is wrong with certificates and keys, one line for each; a connection would fail for ever, without naming the setting. */
export function certificateProblems(read: ReadSettings): string[] {
  return ['MQTT', 'REDIS', 'SMTP'].flatMap((server) => {
    const [ca, cert, key] = ['CA', 'CERT', 'KEY'].map((part) => read[`${server}_${part}`]);
    const problems = [
      ...problemOf(`${server}_CA`, ca, authorityProblem),
      ...problemOf(`${server}_CERT`, cert, certificateProblem),
      ...problemOf(`${server}_KEY`, key, keyProblem),
    ];
    const isPair = cert instanceof Buffer && key instanceof Buffer;
    if (problems.length > 0 || !isPair) return problems;
    const isOwn = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
    return isOwn ? [] : [`${server}_KEY is not the key of ${server}_CERT`];
  });
}

function problemOf(name: string, value: unknown, find: (pem: Buffer) => string | undefined): string[] {
  const problem = value instanceof Buffer ? find(value) : undefined;
  return problem === undefined ? [] : [`${name} ${problem}`];
}

/** TLS passes over an authority that it cannot read, and then trusts nobody. */
function authorityProblem(pem: Buffer): string | undefined {
  // What is read here may be DER too.
  if (!pem.includes('-----BEGIN ')) return 'has no certificate in PEM';
  return refusalOf('certificate', () => new X509Certificate(pem));
}

function certificateProblem(pem: Buffer): string | undefined {
  return refusalOf('certificate', () => createSecureContext({ cert: pem }));
}

function keyProblem(pem: Buffer): string | undefined {
  if (pem.includes('ENCRYPTED'))
    return 'is encrypted: give it without a passphrase (`openssl pkey` writes it so)';
  return refusalOf('private key', () => [createSecureContext({ key: pem }), createPrivateKey(pem)]);
}

function refusalOf(what: string, read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `has no ${what} in PEM that can be used${code === undefined ? '' : ` (${code})`}`;
  }
}
