/** How each thing is broken. Each returns what mends it, and where to look if not at the system's own worker. */
import { breakingBroker } from './breaking-broker.ts';
import { breakingRedis } from './breaking-redis.ts';
import { breakingServices } from './breaking-services.ts';
import { breakingWorkers } from './breaking-workers.ts';
import type { Break } from './system.ts';

export const breaking: Readonly<Record<string, Break>> = {
  ...breakingRedis,
  ...breakingBroker,
  ...breakingServices,
  ...breakingWorkers,
};
