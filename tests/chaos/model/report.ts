/** Prints a group that no order explains. */
import type { CheckResult, Group } from './linearize.ts';
import { answerText, type Operation } from './operation.ts';
import { type State, sortedText, viewOf } from './state.ts';

/** Lists everything that is needed to see by hand why no order explains the observations. */
export function report(before: State, group: Group, { explored, furthest }: CheckResult): string {
  const origin = Math.min(...group.operations.map(({ askedAt }) => askedAt));
  const line = (operation: Operation, index: number) => {
    const { id, client, asked, askedAt, answeredAt, answers } = operation;
    const when = `${askedAt - origin}–${answeredAt - origin}`;
    const step = furthest?.tasks[index]?.step;
    return `  ${id} ${client} ${when} ${sortedText(asked)}\n     → ${answers.map(answerText).join(' … ')}  [${step}]`;
  };
  const { mail, sts, mailed, issued } = group.outside;
  return [
    'before',
    pretty(before),
    `requests (mail ${mail}, STS ${sts}; ${mailed.size} mails; keys for ${[...issued.keys()].join(' ')})`,
    ...group.operations.map(line),
    'notices',
    ...group.notices.map((text) => `  ${text}`),
    'copies of answers to remove and phone',
    ...group.copies.map((text) => `  ${text}`),
    'Redis afterwards',
    pretty(group.view),
    `the search looked at ${explored} points; where it came furthest it had left`,
    pretty({ notices: furthest?.notices, copies: furthest?.copies }),
    pretty(furthest && { tasks: furthest.tasks, view: viewOf(furthest.state, group.viewedAt) }),
  ].join('\n');
}

function pretty(value: unknown): string {
  return Object.entries(value ?? {})
    .map(([name, part]) => `  ${name}: ${sortedText(part)}`)
    .join('\n');
}
