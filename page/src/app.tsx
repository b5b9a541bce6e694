import { useEffect } from 'preact/hooks';
import { openLine } from './broker.ts';
import { Composer } from './compose/composer.tsx';
import { attempt } from './compose/outcome.ts';
import { Conversation } from './conversation/conversation.tsx';
import { news } from './conversation/messages.ts';
import { choose, people } from './people.ts';
import { ReadinessLine, WaitingList } from './readiness/readiness.tsx';
import { requests } from './requests.ts';
import { server } from './server.ts';
import { Mails } from './shown/mails.tsx';
import { Profile } from './shown/profile.tsx';
import { Workers } from './workers/workers.tsx';

export function App() {
  useEffect(() => void attempt(start), []);
  return (
    <>
      <header class="top">
        <h1>PROFILE worker</h1>
        <ReadinessLine />
      </header>
      <WaitingList />
      <Workers />
      <main>
        <Composer />
        <Conversation />
        <div class="aside">
          <Profile />
          <Mails />
        </div>
      </main>
      <p class="unseen" role="status">
        {news}
      </p>
    </>
  );
}

/** Fetches the list of people, and opens a connection for each. */
async function start(): Promise<string> {
  [people.value, requests.value] = await Promise.all([server.people(), server.requests()]);
  const [first] = people.value;
  if (first !== undefined) choose(first.phone);
  await Promise.all(people.value.map(({ phone }) => openLine(phone)));
  return '';
}
