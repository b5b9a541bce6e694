/** CLIENT_IDENTITY=token: thousands of wrong tokens delay no client with the right one. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decode, print } from '../../src/etf/index.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { profile, refusal } from '../harness/terms.ts';

const GUESSES = 4_000;

const settings = { CLIENT_IDENTITY: 'token', CLIENT_RATE: '50', CLIENT_BURST: '500', LOG_LEVEL: 'info' };
const harness = await startHarness({ broker: { plugin: false }, settings });
after(() => harness.stop());

const isWord =
  (word: string) =>
  ({ payload }: { readonly payload: Buffer }): boolean =>
    print(decode(payload)) === print(refusal(word));

/** Sends wrong tokens, a few at a time, until stopped; at least all of them. */
async function guess(attacker: Phone, topicOf: (guess: number) => string, payloads: readonly Buffer[] = []) {
  const term = profile({ phone: attacker.number, status: 'get' });
  for (let sent = 0; sent < GUESSES; sent += 50) {
    const batch = Array.from({ length: 50 }, (_, index) =>
      attacker.send(payloads[index % 2] ?? term, { topic: topicOf(sent + index), qos: 1 }),
    );
    await Promise.all(batch);
  }
}

const wrongTokens = async (): Promise<number> => {
  const each = ['yes', 'no'].map((answered) =>
    harness.metric(`profile_wrong_tokens_total{answered="${answered}"}`),
  );
  const [yes = 0, no = 0] = await Promise.all(each);
  return yes + no;
};

/** The phone sends requests with the right token during the guesses, and is answered each time. */
async function guessMeanwhile(phones: readonly Phone[], guessing: Promise<void>): Promise<void> {
  let isGuessing = true;
  const ended = guessing.finally(() => {
    isGuessing = false;
  });
  const asking = phones.map(async (phone) => {
    const request = profile({ phone: phone.number, status: 'get' });
    const topic = `events/1//api/anon/${phone.client}/${phone.client}-token`;
    let asked = 0;
    for (; (isGuessing || asked < 20) && asked < 400; asked++) {
      await phone.send(request, { topic, qos: 1 });
      const sent = asked + 1;
      const right = () => phone.answers.filter(isWord('not_found')).length;
      await eventually(`the right token is answered, request ${sent}`, () => right() >= sent);
    }
    assert.equal(phone.answers.filter(isWord('too_many_requests')).length, 0);
  });
  await Promise.all([ended, ...asking]);
}

const phoneWithToken = (client: string): Promise<Phone> =>
  harness.phone({ client, token: `${client}-token` });

test('wrong tokens for clients that do not exist: the right ones are all answered', async () => {
  const [attacker, phone] = [await harness.phone({ session: false }), await phoneWithToken('one')];
  const before = await wrongTokens();
  await guessMeanwhile(
    [phone],
    guess(attacker, (guess) => `events/1//api/anon/nobody-${guess}/wrong`),
  );
  await harness.idle();
  assert.equal((await wrongTokens()) - before, GUESSES, 'each is counted');
});

test('wrong tokens for the victim itself: its right ones are answered, and it receives few other answers', async () => {
  const attacker = await harness.phone({ session: false });
  const [victim, other] = [await phoneWithToken('victim'), await phoneWithToken('other')];
  const begun = performance.now();
  await guessMeanwhile(
    [victim, other],
    guess(attacker, (guess) => `events/1//api/anon/victim/wrong-${guess}`),
  );
  await harness.idle();
  await victim.fence();
  const answered = victim.answers.filter(isWord('not_authorized')).length;
  assert.ok(answered <= 11 + (performance.now() - begun) / 6_000, `the victim receives ${answered}`);
  assert.equal(other.answers.filter(isWord('not_authorized')).length, 0);
});

test('unreadable payloads count as wrong tokens too, and the right token receives the cause for its own', async () => {
  const attacker = await harness.phone({ session: false });
  const victim = await phoneWithToken('unreadable');
  const before = await wrongTokens();
  await guess(attacker, () => 'events/1//api/anon/unreadable/wrong', [
    Buffer.from('x'),
    Buffer.from('no term'),
  ]);
  await harness.idle();
  await victim.fence();
  assert.equal((await wrongTokens()) - before, GUESSES);
  assert.ok(victim.answers.length < 50, `the victim receives ${victim.answers.length}`);
  assert.equal(victim.answers.filter(isWord('invalid_data')).length, 0);
  await victim.send(Buffer.from('no term'), { topic: 'events/1//api/anon/unreadable/unreadable-token' });
  await eventually('the right token is answered', () => victim.answers.some(isWord('invalid_data')));
});
