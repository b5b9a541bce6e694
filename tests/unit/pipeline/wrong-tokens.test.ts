import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openWrongTokenLimiter } from '../../../src/pipeline/wrong-tokens.ts';

function open() {
  const time = { ms: 0 };
  const counts = { answered: 0, unanswered: 0 };
  const limiter = openWrongTokenLimiter(
    (isAnswered) => counts[isAnswered ? 'answered' : 'unanswered']++,
    () => time.ms,
  );
  const answered = (count: number, client: (guess: number) => string): number =>
    Array.from({ length: count }, (_, guess) => limiter.isLimited(client(guess))).filter((is) => !is).length;
  return { time, counts, limiter, answered };
}

test('ten wrong tokens of a client are answered, and then one in six seconds', () => {
  const { time, counts, answered } = open();
  assert.equal(
    answered(1_000, () => 'victim'),
    10,
  );
  time.ms = 6_000;
  assert.equal(
    answered(1_000, () => 'victim'),
    1,
  );
  assert.deepEqual(counts, { answered: 11, unanswered: 1_989 });
});

test('wrong tokens of one client do not reduce the answers to others', () => {
  const { answered } = open();
  answered(100_000, () => 'victim');
  assert.equal(
    answered(900, (guess) => `other-${guess}`),
    900,
  );
});

test('a worker answers a thousand at once and then a hundred a second, for any client names', () => {
  const { time, answered } = open();
  assert.equal(
    answered(100_000, (guess) => `client-${guess}`),
    1_000,
  );
  time.ms = 1_000;
  assert.equal(
    answered(100_000, (guess) => `client-${guess}`),
    100,
  );
});

test('endless names neither grow the memory nor give one client more answers', () => {
  const { time, limiter, answered } = open();
  let answers = 0;
  for (let second = 0; second < 600; second++) {
    time.ms = second * 1_000;
    answers += answered(50, () => 'victim');
    answered(500, (guess) => `name-${second}-${guess}`);
  }
  assert.ok(limiter.size <= 10_000);
  assert.ok(answers <= 10 + 100, `${answers} in ten minutes`);
});
