/** Patterns of topics that the worker and the broker's plugins refuse or take alike. */

/** Refused as any of the three; each holds `:name` in the place of what must be there. */
const wrong = [
  'events',
  ':name',
  ':name/events',
  '/events/:name',
  'events//:name',
  'events/:name/',
  'events/:name/:name',
  'events/x:name',
  'events/:Name',
  'events/:',
  'events/:name/:other',
  'events/+/:name',
  'events/:name/#',
  'events/a+/:name',
  '$SYS/:name',
  '$share/a/:name',
  'events/é/:name',
  `events${'/x'.repeat(15)}/:name`,
  `events/${'x'.repeat(250)}/:name`,
];

export const wrongPatterns = {
  request: [
    ...wrong.map((pattern) => pattern.replaceAll(':name', ':client')),
    'events/:client/:token/:token',
    'events/:phone',
    'events/:token',
  ],
  answer: [
    ...wrong.map((pattern) => pattern.replaceAll(':name', ':client')),
    'actions/:user/:client',
    'actions/:phone',
  ],
  notice: [
    ...wrong.map((pattern) => pattern.replaceAll(':name', ':phone')),
    'ses/:client',
    'ses/:client/:phone',
  ],
};

export const rightPatterns = {
  request: [
    'events/:client',
    'e/:token/:client',
    'a.b-c/:node/:user/x/:client/:token',
    `e${'/x'.repeat(14)}/:client`,
  ],
  answer: ['actions/:client', 'to/:client/answers', `to/${'x'.repeat(245)}/:client`],
  notice: ['devices/:phone', 'n/:phone/x'],
};
