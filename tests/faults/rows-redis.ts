import { down, type Fault, ready, row, slow, unready } from './fault.ts';

export const ofRedis: readonly Fault[] = [
  row('redis-away', 'Redis is stopped', unready('redis', 'connection refused')),
  slow(
    row(
      'redis-silent',
      'Redis is frozen, or the network drops all packets',
      unready('redis', 'it does not answer'),
    ),
  ),
  row('redis-password', 'the password of our user in Redis was changed', unready('redis', '…(WRONGPASS)')),
  slow(
    row(
      'redis-no-password',
      'Redis wants a password, and `REDIS_URL` has none',
      unready('redis', '…(NOAUTH)'),
    ),
  ),
  row('redis-rights', 'our user may not run one command', {
    ...unready('redis', '…(NOPERM)'),
    doctor: 'redis scripts: our user may not run ZADD (NOPERM)',
  }),
  slow(
    row(
      'redis-keys',
      'our user may not use keys with `REDIS_KEY_PREFIX`',
      unready('redis', '…(NOPERM)', 'redis write: …(NOPERM)'),
    ),
  ),
  row(
    'redis-replica',
    'Redis has become a replica',
    unready('redis', '…(READONLY)', 'redis write: …(READONLY)'),
  ),
  row('redis-full', 'the memory of Redis is full', {
    ...unready('redis', 'its memory is full (OOM)', 'redis write: its memory is full (OOM)'),
    alerts: [...down, 'ProfileRedisRefuses'],
  }),
  row(
    'redis-evicts',
    'Redis may evict profiles when it is full',
    ready('', 'redis memory: maxmemory-policy is allkeys-lru'),
  ),
  slow(
    row(
      'redis-few-replicas',
      'too few replicas follow Redis',
      unready('redis', '…(NOREPLICAS)', 'redis write: …(NOREPLICAS)'),
    ),
  ),
  slow(
    row(
      'redis-disk',
      'the disk of Redis is full, or not writable',
      unready('redis', '…(MISCONF)', 'redis write: …(MISCONF)'),
    ),
  ),
  slow(row('redis-busy', 'a script holds Redis up', unready('redis', '…(BUSY)', 'redis: …(BUSY)'))),
  slow(
    row(
      'redis-clients',
      'Redis has as many clients as it takes, and resets connections',
      unready('redis', '…'),
    ),
  ),
  slow(
    row(
      'redis-cluster-node',
      '`REDIS_URL` names one node of a Cluster',
      unready(
        'redis',
        'REDIS_URL names one node of a Cluster…',
        'redis scripts: REDIS_URL names one node of a Cluster…',
      ),
    ),
  ),
  row(
    'redis-slow',
    'Redis, or the network to it, is slow',
    ready('', '', 'ProfileRedisSlow', 'ProfileGetSlow'),
  ),
];
