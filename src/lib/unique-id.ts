import { randomBytes } from 'node:crypto';

const processName = randomBytes(9).toString('base64url');
let count = 0;

/** An id that no process has used before, without a space. A script recognises its own retry by it. */
export function uniqueId(): string {
  return `${processName}.${(count++).toString(36)}`;
}

/** Few characters of an id, enough to tell two things apart that seldom come together. */
export function shortId(id: string): string {
  return `${id.slice(0, 3)}${id.slice(id.indexOf('.') + 1)}`;
}
