import type { Topics } from '../protocol/topics.ts';
import type { DynamicSecurity, SecurityCommand } from './dynamic-security.ts';
import { aclsOf, rulesFor } from './roles.ts';

/** The role of a person who tests: it asks as itself, as its session's own roles let it, and reads all. */
const TESTER = 'qa-tester';

/** What a worker in QA mode needs besides: it shows what passes, and hears which publishes became no request. */
const workerAcls = aclsOf([
  ['publishClientSend', 'qa/#'],
  ['subscribePattern', '$share/+/qa/missed/+'],
  ['publishClientReceive', 'qa/missed/#'],
]);

/**
 * Let a client that has a session test, and workers show what passes; can be repeated.
 * @throws Error with the broker's error text.
 */
export async function letTest(security: DynamicSecurity, client: string, topics: Topics): Promise<void> {
  const { phone, qa } = rulesFor(topics);
  const commands: SecurityCommand[] = [
    { command: 'createRole', rolename: TESTER, acls: aclsOf([...phone, ...qa]) },
    ...workerAcls.map((each) => ({ command: 'addRoleACL', rolename: 'worker', ...each })),
    { command: 'addClientRole', username: client, rolename: TESTER, priority: 0 },
  ];
  const replies = await security.run(commands);
  const fault = replies.find(({ error }) => error !== undefined && !/already|exists/i.test(error));
  if (fault) throw new Error(`the broker refused ${fault.command}: ${fault.error}`);
}
