import { systemCause } from '../../lib/system-causes.ts';
import { tlsCause } from '../../lib/tls-causes.ts';

/** Why a mail was refused, safe for a log: without input of a client and without text of the server. */
export interface MailFailure {
  /** `timeout`, `closed`, `invalid_address`, `not_accepted`, or the mail library's code: `ECONNECTION`, `ETLS`, `EAUTH`, `EENVELOPE`, `EMESSAGE`, …; `MODULE_NOT_FOUND` */
  readonly cause: string;
  /** The system's or TLS's own code, e.g. `ECONNREFUSED`, `DEPTH_ZERO_SELF_SIGNED_CERT`. */
  readonly systemCode?: string;
  /** The explanation of a TLS error. */
  readonly tls?: string;
  /** The explanation of an error of this machine. */
  readonly system?: string;
  /** The refused SMTP command: `CONN`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`, … */
  readonly command?: string;
  /** SMTP reply code, 200 to 599. */
  readonly responseCode?: number;
  /** Enhanced status code, e.g. `5.1.1` (RFC 3463). */
  readonly enhancedCode?: string;
}

/**
 * Reduce an error of the mail library to its codes. Messages are dropped: they quote the server, which quotes the address.
 * @param error - anything; of an Error, or an object with a server's `response`, only codes of the expected shape are taken.
 */
export function mailFailure(error: unknown): MailFailure {
  const { code, originalCode, command, response } = Object(error) as Record<string, unknown>;
  const systemCode = match(/^[A-Z][A-Z0-9_]{2,60}$/, originalCode);
  const tls = tlsCause(systemCode);
  const system = systemCause(systemCode);
  const step = match(/^[A-Z]{4,10}\b/, command);
  const responseCode = match(/^[2-5]\d\d(?=[ -])/, response);
  const enhancedCode = match(/(?<=^\d{3}[ -])[245]\.\d{1,3}\.\d{1,3}(?= )/, response);
  return {
    cause: match(/^(?:E[A-Z]{2,20}|MODULE_NOT_FOUND)$/, code) ?? 'not_accepted',
    ...(systemCode && { systemCode }),
    ...(tls && { tls }),
    ...(system && { system }),
    ...(step && { command: step }),
    ...(responseCode && { responseCode: Number(responseCode) }),
    ...(enhancedCode && { enhancedCode }),
  };
}

/** The steps before a mail. */
const ofConnection: ReadonlySet<string | undefined> = new Set(['CONN', 'EHLO', 'HELO', 'STARTTLS', 'AUTH']);

/** Whether the server takes no connection more at the moment: 421 before the mail, or any temporary refusal as its greeting. */
export function isForConnections({ command, responseCode = 0 }: MailFailure): boolean {
  if (responseCode === 421) return ofConnection.has(command);
  return command === 'CONN' && responseCode >= 400 && responseCode < 500;
}

function match(shape: RegExp, value: unknown): string | undefined {
  return typeof value === 'string' ? shape.exec(value)?.[0] : undefined;
}
