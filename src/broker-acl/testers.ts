import type { Topics } from '../protocol/topics.ts';
import type { DynamicSecurity, SecurityCommand } from './dynamic-security.ts';

/** The role of a person who tests: it asks as itself, as its session's own roles let it, and reads all. */
const TESTER = 'qa-tester';

const acl = (acltype: string, topic: string, allow = true) => ({
  acltype,
  topic,
  allow,
  priority: allow ? 0 : 1,
});

/** No shared subscription: a member of the workers' group would receive their requests. */
const testerAcls = ({ requests }: Topics) => [
  acl('publishClientSend', requests),
  acl('subscribePattern', '$share/#', false),
  acl('subscribePattern', '$CONTROL/#', false),
  acl('subscribePattern', '#'),
  acl('publishClientReceive', '#'),
  acl('subscribePattern', '$SYS/#'),
  acl('publishClientReceive', '$SYS/#'),
];

/** What a worker in QA mode needs besides: it shows what passes, and hears which publishes became no request. */
const workerAcls = [
  acl('publishClientSend', 'qa/#'),
  acl('subscribePattern', '$share/+/qa/missed/+'),
  acl('publishClientReceive', 'qa/missed/#'),
];

/**
 * Let a client that has a session test, and workers show what passes; can be repeated.
 * @throws Error with the broker's error text.
 */
export async function letTest(security: DynamicSecurity, client: string, topics: Topics): Promise<void> {
  const commands: SecurityCommand[] = [
    { command: 'createRole', rolename: TESTER, acls: testerAcls(topics) },
    ...workerAcls.map((each) => ({ command: 'addRoleACL', rolename: 'worker', ...each })),
    { command: 'addClientRole', username: client, rolename: TESTER, priority: 0 },
  ];
  const replies = await security.run(commands);
  const fault = replies.find(({ error }) => error !== undefined && !/already|exists/i.test(error));
  if (fault) throw new Error(`the broker refused ${fault.command}: ${fault.error}`);
}
