/** Stands in for Mailpit in a container: takes mails on port 1025, and answers what the page asks of its API on port 8025. */
import { createServer } from 'node:http';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

const kept = 200;
/** Newest first. */
const mails: { readonly id: string; readonly at: string; readonly mail: ParsedMail }[] = [];
let count = 0;

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  disableReverseLookup: true,
  onData(stream, _session, callback) {
    simpleParser(stream).then((mail) => {
      count += 1;
      mails.unshift({ id: `${count}`, at: new Date().toISOString(), mail });
      mails.length = Math.min(mails.length, kept);
      callback(null);
    }, callback);
  },
});
smtp.on('error', () => undefined);
smtp.listen(1025, '0.0.0.0');

const http = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://mailpit');
  const one = mails.find(({ id }) => pathname === `/api/v1/message/${id}`);
  const body =
    one === undefined ? { messages: mails.map(summaryOf) } : { ...summaryOf(one), Text: one.mail.text ?? '' };
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
});
http.listen(8025, '0.0.0.0');

function summaryOf({ id, at, mail }: (typeof mails)[number]) {
  const to = [mail.to ?? []].flat().flatMap(({ value }) => value);
  return {
    ID: id,
    Created: at,
    Subject: mail.subject ?? '',
    To: to.map(({ address }) => ({ Address: address })),
  };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
