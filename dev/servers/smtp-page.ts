import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { escapeHtml } from '../../src/services/mail/templates.ts';

/** What the page shows of a mail; `/mails.json` has all that there is of it. */
interface ShownMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** ISO 8601. */
  readonly receivedAt: string;
}

/**
 * Serves a page that lists caught mails, newest first: `/` for people, `/mails.json` for programs.
 *
 * The policy below runs no script of a mail and loads nothing, also in the sandboxed frames. Only requests by a
 * loopback name are answered, so that no web site can read codes through its own name.
 */
export function mailPage(mails: () => readonly ShownMail[]): Server {
  return createServer((request, response) => answer(request, response, mails()));
}

const headers = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};

function answer(request: IncomingMessage, response: ServerResponse, mails: readonly ShownMail[]): void {
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')) {
    response.writeHead(403, headers).end();
  } else if (request.url === '/mails.json') {
    response.writeHead(200, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify(mails));
  } else if (request.url === '/') {
    response.writeHead(200, { ...headers, 'Content-Type': 'text/html; charset=utf-8' }).end(page(mails));
  } else {
    response.writeHead(404, headers).end();
  }
}

function page(mails: readonly ShownMail[]): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Caught mails</title>
<style>
body { font: 16px/1.5 sans-serif; margin: 24px auto; max-width: 720px }
article { border-top: 1px solid #ccc; padding: 12px 0 }
iframe { border: 1px solid #ccc; width: 100%; height: 260px }
pre { white-space: pre-wrap }
</style></head>
<body>
<h1>Caught mails: ${mails.length}</h1>
${mails.toReversed().map(article).join('\n')}
</body>
</html>
`;
}

function article(mail: ShownMail): string {
  const about = `${mail.receivedAt}, from ${mail.from} to ${mail.to.join(', ')}`;
  return `<article>
<h2>${escapeHtml(mail.subject)}</h2>
<p>${escapeHtml(about)}</p>
<pre>${escapeHtml(mail.text)}</pre>
<iframe sandbox title="HTML part" srcdoc="${escapeHtml(mail.html)}"></iframe>
</article>`;
}
