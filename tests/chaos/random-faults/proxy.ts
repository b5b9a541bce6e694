import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Rng } from '../../harness/rng.ts';

/** A proxy between the workers and a server that can cut their connections. */
export interface TcpProxy {
  readonly port: number;
  /** Cuts connections, each with this probability and at least one. @returns how many were cut. */
  cut(rng: Rng, share: number): number;
  stop(): Promise<void>;
}

/** @param serverPort - of a server on 127.0.0.1, which may come and go. */
export async function startProxy(serverPort: number): Promise<TcpProxy> {
  const open = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: serverPort, host: '127.0.0.1', noDelay: true });
    open.add(near);
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      from.pipe(to);
      from.on('error', () => undefined); // 'close' follows
      from.on('close', () => {
        open.delete(near);
        to.destroy();
      });
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    cut(rng, share) {
      const all = [...open];
      const chosen = all.filter(() => rng.is(share));
      if (chosen.length === 0 && all.length > 0) chosen.push(rng.pick(all));
      for (const socket of chosen) socket.destroy();
      return chosen.length;
    },
    async stop() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
