/** A plugin that cannot read its options refuses to load: the broker does not start, and logs what is allowed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { mosquitto } from '../../dev/servers/installed.ts';
import { PLUGINS, startMosquitto } from '../../dev/servers/mosquitto.ts';
import { freePort } from '../../dev/servers/process.ts';
import { rightPatterns, wrongPatterns } from '../harness/topic-patterns.ts';

const file = (plugin: string): string => join(PLUGINS, `${plugin}.so`);

// The first broker builds the plugins.
before(async () => (await startMosquitto({ persistence: false })).stop());

/** @returns the broker's exit code and log. */
async function start(lines: readonly string[]): Promise<{ status: number | null; log: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'profile-options-'));
  try {
    const port = await freePort();
    const root = process.getuid?.() === 0 ? ['user root'] : [];
    const config = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'log_dest stderr',
      ...root,
      ...lines,
    ];
    writeFileSync(join(folder, 'mosquitto.conf'), `${config.join('\n')}\n`);
    const { status, stderr, stdout } = spawnSync(mosquitto, ['-c', join(folder, 'mosquitto.conf')], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    return { status, log: `${stdout}${stderr}` };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const odd: readonly [plugin: string, allowed: RegExp, options: readonly string[]][] = [
  [
    'client_identity',
    /allowed: plugin_opt_guard_wills\|hints true\|false/,
    [
      ...[
        'True',
        'TRUE',
        'yes',
        'on',
        '1',
        'truetrue',
        'tru',
        'true,',
        'true false',
        '"true"',
        'tr\u0007ue',
        'prawda ż',
      ].map((value) => `guard_wills ${value}`),
      ...['guard_will true', 'Guard_wills true', 'guardwills true', 'unknown y', 'bind worker=profile-'],
      ...[
        '-1',
        '+1',
        '1.5',
        '1e6',
        '0x10',
        '1k',
        '4294967296',
        '99999999999999999999',
        '1 2',
        'ten',
        'true',
      ].flatMap((value) =>
        ['request_bytes_per_second', 'requests_burst', 'request_payload_bytes'].map(
          (name) => `${name} ${value}`,
        ),
      ),
      ...wrongPatterns.request.map((pattern) => `request_topic ${pattern}`),
      ...wrongPatterns.answer.map((pattern) => `answer_topic ${pattern}`),
      ...['a/b', 'a+', '#', 'a b', 'ä', 'x'.repeat(129)].map((prefix) => `worker_prefix ${prefix}`),
      ...['request_bytes 1', 'requests_per_second_ 1', 'Requests_per_second 1'],
      ...[`guard_wills ${'t'.repeat(10_000)}`, `${'k'.repeat(10_000)} true`],
    ],
  ],
  [
    'phone_login',
    /allowed: plugin_opt_users NAME,NAME/,
    [
      ...['guard_wills true', 'bind worker=profile-', 'unknown y', 'user api', 'Users api'],
      ...[',', 'api,', ',api', 'api,,x', 'a pi', 'api, x', 'ä', 'a\u007f'].map((value) => `users ${value}`),
    ],
  ],
  [
    'client_delivery',
    /allowed: plugin_opt_deliver actions,ses/,
    [
      ...['action', 'actions,', ',ses', 'actions ses', 'Ses', 'actions,ses,ses', 'true'].map(
        (value) => `deliver ${value}`,
      ),
      ...['init ,', 'init api,', 'init a b', 'inits api'],
      ...['delivers actions', 'Deliver ses', 'guard_wills true'],
      ...wrongPatterns.request.map((pattern) => `request_topic ${pattern}`),
      ...wrongPatterns.answer.map((pattern) => `answer_topic ${pattern}`),
      ...wrongPatterns.notice.map((pattern) => `notice_topic ${pattern}`),
    ],
  ],
  [
    'client_binding',
    /allowed: plugin_opt_bind USER=PREFIX,USER=PREFIX/,
    [
      ...[
        'worker',
        '=',
        'worker=',
        '=profile-',
        ',',
        'worker=profile-,',
        ',worker=profile-',
        'a=b,,c=d',
        'a=b=c',
      ].map((value) => `bind ${value}`),
      ...[
        'bind a=b, c=d',
        'bind a =b',
        'bind worker:profile-',
        'bind a=b\u007f',
        'bind ü=b',
        'binds worker=profile-',
        'Bind worker=profile-',
        'guard_wills true',
      ],
      ...['-1', '1.5', '1k', '4294967296', 'ten'].flatMap((value) =>
        ['connections_per_minute', 'connections_burst'].map((name) => `${name} ${value}`),
      ),
      'connections_burst 0',
      'connections_per_second 1',
    ],
  ],
];

const goodOptions: Readonly<Record<string, string>> = {
  client_identity: 'guard_wills true',
  phone_login: 'users api',
  client_binding: 'bind worker=profile-',
  client_delivery: 'deliver actions,ses',
};

for (const [plugin, allowed, options] of odd) {
  describe(plugin, () => {
    for (const option of options) {
      test(`refuses to load with plugin_opt_${JSON.stringify(option).slice(1, 40)}`, async () => {
        const { status, log } = await start([`plugin ${file(plugin)}`, `plugin_opt_${option}`]);
        assert.ok(status !== 0 && status !== null, `the broker started: ${log}`);
        const reported = log
          .split('\n')
          .filter((line) => line.includes(`${plugin}: cannot read "plugin_opt_`));
        assert.equal(reported.length, 1, log);
        assert.match(reported[0] ?? '', allowed);
        assert.doesNotMatch(reported[0] ?? '', /[^ -~]/);
        assert.ok((reported[0]?.length ?? 0) < 400);
      });
    }

    test('one good option does not excuse a bad one, before it or after it', async () => {
      const good = goodOptions[plugin] ?? assert.fail(plugin);
      for (const lines of [
        [good, 'unknown x'],
        ['unknown x', good],
      ]) {
        const { status } = await start([
          `plugin ${file(plugin)}`,
          ...lines.map((line) => `plugin_opt_${line}`),
        ]);
        assert.ok(status !== 0 && status !== null);
      }
    });
  });
}

test('valid options are accepted', async () => {
  for (const lines of [
    [`plugin ${file('client_identity')}`],
    [`plugin ${file('client_identity')}`, 'plugin_opt_guard_wills false'],
    [
      `plugin ${file('client_identity')}`,
      'plugin_opt_request_payload_bytes 0',
      'plugin_opt_request_bytes_per_second 1',
      'plugin_opt_request_bytes_burst 4294967295',
      'plugin_opt_requests_per_second 0004294967',
      'plugin_opt_requests_burst 0',
    ],
    [
      `plugin ${file('client_identity')}`,
      ...rightPatterns.request.map((pattern) => `plugin_opt_request_topic ${pattern}`),
      ...rightPatterns.answer.map((pattern) => `plugin_opt_answer_topic ${pattern}`),
    ],
    [
      `plugin ${file('client_delivery')}`,
      ...rightPatterns.request.map((pattern) => `plugin_opt_request_topic ${pattern}`),
      ...rightPatterns.answer.map((pattern) => `plugin_opt_answer_topic ${pattern}`),
      ...rightPatterns.notice.map((pattern) => `plugin_opt_notice_topic ${pattern}`),
    ],
    [`plugin ${file('phone_login')}`],
    [`plugin ${file('phone_login')}`, 'plugin_opt_users api', 'plugin_opt_users a,b'],
    [`plugin ${file('client_delivery')}`],
    [`plugin ${file('client_delivery')}`, 'plugin_opt_deliver ses', 'plugin_opt_init a,b'],
    [`plugin ${file('client_binding')}`],
    [`plugin ${file('client_binding')}`, 'plugin_opt_bind a=b', 'plugin_opt_bind c=d,e=f,e=ff'],
  ]) {
    const broker = await startMosquitto({ plugin: false, persistence: false, extraConfig: lines.join('\n') });
    assert.match(
      broker.log(),
      /(client_identity: requests|phone_login: phones|client_binding: users|client_delivery: clients)/,
    );
    await broker.stop();
  }
});

test('the log says in one line which users are bound, so that an option of another plugin is noticed', async () => {
  const bound = async (lines: readonly string[]): Promise<string[]> => {
    const extraConfig = lines.join('\n');
    const broker = await startMosquitto({ plugin: false, persistence: false, extraConfig });
    const told = broker
      .log()
      .split('\n')
      .filter((line) => line.includes('client_binding: users'));
    await broker.stop();
    return told.map((line) => line.replace(/^.*users are bound to client ids: /, ''));
  };
  const plugin = `plugin ${file('client_binding')}`;
  assert.deepEqual(await bound([plugin]), ['worker=profile- (0 more not logged)']);
  const two = [plugin, 'plugin_opt_bind worker=profile-,qa=qa-', 'plugin_opt_bind bridge=bridge-'];
  assert.deepEqual(await bound(two), ['worker=profile-,qa=qa-,bridge=bridge- (0 more not logged)']);
  const many = Array.from({ length: 100 }, (_, index) => `plugin_opt_bind user-${index}=prefix-${index}-`);
  const [line = '', ...more] = await bound([plugin, ...many]);
  assert.deepEqual(more, []);
  const unlogged = Number(/ \((\d+) more not logged\)$/.exec(line)?.[1]);
  assert.equal(line.split(',').length + unlogged, 100);
  assert.ok(unlogged > 0 && line.length < 900);
});
