import type { IncomingMessage } from 'node:http';

/** Whether the server was addressed by a loopback name. A foreign web site can reach it only under its own name. */
export function isLoopback({ headers }: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? '');
}

/**
 * Whether the request comes from the page that this server serves. Browsers set this header, and no web site can
 * forge it.
 */
export function isOwnPage(request: IncomingMessage): boolean {
  return isLoopback(request) && request.headers.origin === `http://${request.headers.host}`;
}
