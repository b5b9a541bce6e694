import type { IncomingMessage } from 'node:http';

/** Was the server addressed by a loopback name? A web site can reach it under a name of its own only. */
export function isLoopback({ headers }: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? '');
}

/** Does the request come from the page that this server has served? Browsers say so, and no web site can say it too. */
export function isOwnPage(request: IncomingMessage): boolean {
  return isLoopback(request) && request.headers.origin === `http://${request.headers.host}`;
}
