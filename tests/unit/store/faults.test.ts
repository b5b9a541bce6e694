import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisFaultNames, redisFaultOf, unknownFault } from '../../../src/store/redis/faults.ts';

/** What Redis 7.0.15, its Sentinel and ioredis 6 say. */
const said: readonly (readonly [string, string | Error])[] = [
  ['wrong_password', 'WRONGPASS invalid username-password pair or user is disabled.'],
  ['no_password', 'NOAUTH Authentication required.'],
  ['no_database', "NOPERM this user has no permissions to run the 'select' command"],
  ['no_database', 'ERR DB index is out of range'],
  ['cluster_node', 'ERR SELECT is not allowed in cluster mode'],
  ['no_rights', "NOPERM this user has no permissions to run the 'zadd' command"],
  [
    'no_rights',
    "ERR The user executing the script can't run this command or subcommand script: 0523, on @user_script:1.",
  ],
  ['no_rights', 'NOPERM this user has no permissions to access one of the keys used as arguments'],
  ['no_command', "ERR unknown command 'evalsha', with args beginning with: 'b1c0' '1'"],
  ['no_command', 'ERR Unknown Redis command called from script script: 0523, on @user_script:1.'],
  [
    'no_sentinel',
    "All sentinels are unreachable. Retrying from scratch after 10ms. Last error: ERR unknown command 'sentinel', with args",
  ],
  ['no_redis', 'Unknown RESP type 72 "H". Please report this.'],
  ['tls', 'Unknown RESP type 21 "\u0015". Please report this.'],
  ['read_only', "READONLY You can't write against a read only replica. script: 119b, on @user_script:1."],
  ['few_replicas', 'NOREPLICAS Not enough good replicas to write.'],
  ['full', "OOM command not allowed when used memory > 'maxmemory'."],
  [
    'disk',
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
  ],
  ['cluster_node', "CROSSSLOT Keys in request don't hash to the same slot"],
  ['cluster_node', 'MOVED 866 127.0.0.1:7001'],
  ['no_cluster', 'ERR This instance has cluster support disabled'],
  ['cluster_down', 'CLUSTERDOWN Hash slot not served'],
  ['cluster_down', 'Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The cluster is down'],
  ['cluster_down', 'Too many Cluster redirections. Last error: Error: Connection is closed.'],
  ['cluster_down', 'Too many Cluster redirections. Last error: ReplyError: MOVED 9842 127.0.0.1:7001'],
  ['master_down', "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."],
  ['loading', 'LOADING Redis is loading the dataset in memory'],
  ['busy', 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'],
  ['too_many_clients', 'ERR max number of clients reached'],
  ['protected', '-DENIED Redis is running in protected mode because protected mode is enabled'],
  ['silent', "Socket timeout. Expecting data, but didn't receive any in 5000ms."],
  ['silent', 'connect ETIMEDOUT'],
  ['unreachable', Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })],
  ['tls', Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' })],
  [
    'sentinel_password',
    'All sentinels are unreachable. Retrying from scratch after 10ms. Last error: WRONGPASS invalid password',
  ],
  ['no_master', 'All sentinels are unreachable. Retrying from scratch after 10ms.'],
  [
    'no_master',
    'All sentinels are unreachable. Retrying from scratch after 10ms. Last error: ERR No such master with that name',
  ],
  [
    'unreachable',
    'All sentinels are unreachable. Retrying from scratch after 10ms. Last error: Connection is closed.',
  ],
];

test('what Redis says has a name and words with what to do; none quotes the error', () => {
  const seen = new Set<string>();
  for (const [name, error] of said) {
    const fault = redisFaultOf(typeof error === 'string' ? new Error(error) : error);
    assert.equal(fault?.name, name, String(error));
    assert.ok(fault !== undefined && fault.cause.length > 0 && fault.advice.length > 0);
    assert.doesNotMatch(fault.cause, /127\.0\.0\.1|@user_script/);
    seen.add(name);
  }
  assert.deepEqual([...seen, unknownFault(new Error()).name].sort(), [...redisFaultNames].sort());
});

test('an error of no other kind has its code and its words, up to what it may quote', () => {
  const causeOf = (error: Error) => unknownFault(error).cause;
  assert.equal(causeOf(new Error()), 'an error that is not known');
  const openssl = Object.assign(new Error('error:0A00018F:SSL routines::ee key too small'), {
    code: 'ERR_SSL_EE_KEY_TOO_SMALL',
  });
  assert.equal(
    causeOf(openssl),
    'an error that is not known (ERR_SSL_EE_KEY_TOO_SMALL: error:0A00018F:SSL routines::ee key too small)',
  );
  for (const quoted of ["ERR 'secret'", 'ERR `secret`', 'ERR "secret"', 'ERR\nsecret', 'ERR @secret'])
    assert.equal(causeOf(new Error(quoted)), 'an error that is not known (ERR)');
});

test('the error of a Cluster’s last node says more than that of the client', () => {
  const error = Object.assign(new Error('Failed to refresh slots cache.'), {
    lastNodeError: new Error('WRONGPASS invalid username-password pair or user is disabled.'),
  });
  assert.equal(redisFaultOf(error)?.name, 'wrong_password');
});

test('an error of one key is no fault of the server', () => {
  assert.equal(
    redisFaultOf(new Error('WRONGTYPE Operation against a key holding the wrong kind of value')),
    undefined,
  );
  assert.equal(redisFaultOf(new Error('ERR user_script:1: attempt to index a nil value')), undefined);
  assert.equal(redisFaultOf('ECONNREFUSED'), undefined);
});
