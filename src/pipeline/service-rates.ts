import type { RateLimiter } from './rate-limiter.ts';

/**
 * A rate limiter in which trusted services have a limit of their own.
 * @param prefix - what their client ids begin with. What is refused to a client that only has such an id counts there too.
 */
export function limitingServices(
  prefix: string,
  { clients, services }: Readonly<Record<'clients' | 'services', RateLimiter>>,
): RateLimiter {
  const of = (client: string): RateLimiter => (client.startsWith(prefix) ? services : clients);
  return {
    admit: (client, units, arrivedAfter) => of(client).admit(client, units, arrivedAfter),
    readmit: (client, units, arrivedAfter) => of(client).readmit(client, units, arrivedAfter),
    settle: (admission, answered) => of(admission.client).settle(admission, answered),
    spend: (admission, units, admitted) => of(admission.client).spend(admission, units, admitted),
    charge: (admission, units) => of(admission.client).charge(admission, units),
  };
}
