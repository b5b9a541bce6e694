/** A Redis Cluster as clouds offer it: TLS alone, a password, certificates with host names and no address. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CertificateAuthority, certificateAuthority } from '../../dev/servers/certificate.ts';
import type { Server } from '../../dev/servers/process.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { eventually } from './eventually.ts';

export interface TlsCluster {
  /** The nodes that clients start with, by name. */
  readonly addresses: readonly string[];
  readonly ca: Buffer;
  stop(): Promise<void>;
}

/** Three masters on `localhost`, which they announce as their name. @param given - the authority of their certificates. */
export async function startTlsCluster(password: string, given?: CertificateAuthority): Promise<TlsCluster> {
  const authority = given ?? (await certificateAuthority());
  const certificate = await authority.issue({ names: ['DNS:localhost'] });
  const extraConfig = [
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    'cluster-announce-hostname localhost',
    'cluster-preferred-endpoint-type hostname',
    `requirepass "${password}"`,
  ].join('\n');
  const folder = await mkdtemp(join(tmpdir(), 'profile-tls-cluster-'));
  const nodes: Server[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
    await rm(folder, { recursive: true });
  };
  try {
    while (nodes.length < 3) nodes.push(await startNode(certificate, authority.cert, extraConfig));
    await writeFile(join(folder, 'ca.crt'), authority.cert);
    const login = ['--tls', '--cacert', join(folder, 'ca.crt'), '-a', password, '--no-auth-warning'];
    const redisCli = (...words: string[]) => promisify(execFile)('redis-cli', [...login, ...words]);
    await redisCli(
      ...['--cluster', 'create', ...nodes.map(({ port }) => `127.0.0.1:${port}`), '--cluster-yes'],
    );
    // They agree about the slots a little before each of them serves.
    for (const { port } of nodes)
      await eventually('a node serves', async () =>
        (await redisCli('-p', `${port}`, 'cluster', 'info')).stdout.includes('cluster_state:ok'),
      );
    return { addresses: nodes.map(({ port }) => `localhost:${port}`), ca: authority.cert, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Its bus listens 10,000 above its port; both are below the ports that the system assigns. */
async function startNode(
  certificate: { key: Buffer; cert: Buffer },
  clientCa: Buffer,
  extraConfig: string,
): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 2_700);
    const config = `${extraConfig}\ntls-auth-clients no`;
    try {
      return await startRedis({ port, tls: { certificate, clientCa }, extraConfig: config });
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}
