import { down, type Fault, ready, refused, row, slow, unready } from './fault.ts';

export const ofRedis: readonly Fault[] = [
  row('redis-away', 'Redis is stopped', unready('redis', 'connection refused')),
  slow(
    row('redis-silent', 'Redis is frozen, or the network drops all packets', {
      ...unready('redis', 'it does not answer'),
      alerts: [...down, 'ProfileInFlightFull', 'ProfileRequestStuck'],
    }),
  ),
  row(
    'redis-password',
    'the password of our user in Redis was changed',
    refused('it does not take our user and password (WRONGPASS)'),
  ),
  slow(
    row(
      'redis-no-password',
      'Redis wants a password, and `REDIS_URL` has none',
      refused('it asks for a password (NOAUTH)'),
    ),
  ),
  row('redis-rights', 'our user may not run one command', {
    ...refused('our user may not run the command ZADD (NOPERM)'),
    doctor: 'redis scripts: our user may not run ZADD (NOPERM)',
  }),
  slow(
    row(
      'redis-keys',
      'our user may not use keys with `REDIS_KEY_PREFIX`',
      refused(
        'our user may not use our keys (NOPERM)',
        'redis write: our user may not use our keys (NOPERM)',
      ),
    ),
  ),
  row(
    'redis-database',
    'Redis has no database of the number in `REDIS_URL`',
    refused('it has no database of the number that REDIS_URL names'),
  ),
  slow(
    row('redis-command', 'Redis lacks a command (`rename-command`)', {
      ...refused('it does not have the command EVALSHA'),
      doctor: 'redis scripts: it does not have the command EVALSHA',
    }),
  ),
  slow(
    row(
      'redis-tls-port',
      '`REDIS_URL` begins with `redis://`, and the port is one for TLS',
      refused('the server speaks TLS there'),
    ),
  ),
  slow(
    row(
      'redis-no-sentinel',
      '`REDIS_URL` names a Redis as a Sentinel',
      refused('what answers there is no Sentinel, but a Redis'),
    ),
  ),
  row(
    'redis-replica',
    'Redis has become a replica',
    refused(
      'it is a replica, which takes no changes (READONLY)',
      'redis write: it is a replica, which takes no changes (READONLY)',
    ),
  ),
  slow(
    row(
      'redis-full',
      'the memory of Redis is full',
      refused('its memory is full (OOM)', 'redis write: its memory is full (OOM)'),
    ),
  ),
  row(
    'redis-evicts',
    'Redis may evict profiles when it is full',
    ready('', 'redis memory: maxmemory-policy is allkeys-lru'),
  ),
  slow(
    row(
      'redis-few-replicas',
      'too few replicas follow Redis',
      refused(
        'too few replicas follow it (NOREPLICAS)',
        'redis write: too few replicas follow it (NOREPLICAS)',
      ),
    ),
  ),
  slow(
    row(
      'redis-disk',
      'the disk of Redis is full, or not writable',
      refused('it cannot write to its disk (MISCONF)', 'redis write: it cannot write to its disk (MISCONF)'),
    ),
  ),
  slow(
    row(
      'redis-busy',
      'a script holds Redis up',
      refused('a script holds it up (BUSY)', 'redis: a script holds it up (BUSY)'),
    ),
  ),
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
      refused(
        'REDIS_URL names one node of a Cluster…',
        'redis scripts: REDIS_URL names one node of a Cluster…',
      ),
    ),
  ),
  row(
    'redis-record',
    'a key of ours in Redis holds something else',
    ready('request failed … redis: WRONGTYPE', '', 'ProfileRequestsFail'),
  ),
  slow(
    row(
      'redis-slow',
      'Redis, or the network to it, is slow',
      ready('', '', 'ProfileRedisSlow', 'ProfileGetSlow'),
    ),
  ),
  slow(
    row('redis-certificate', 'the certificate of Redis is not trusted', refused('TLS: …', 'redis: TLS: …')),
  ),
  slow(
    row(
      'redis-no-cluster',
      '`REDIS_URL` has several addresses, and that is no Cluster',
      refused('REDIS_URL has several addresses, but that is no Cluster'),
    ),
  ),
  slow(row('redis-sentinels', 'the Sentinels are away', unready('redis', 'no connection'))),
];
