import { copyFileSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { type DefaultTheme, defineConfig } from 'vitepress';
import { anchorOf } from '../../dev/prose/rules.ts';

/** The pages by reader, as README.md lists them. */
const sidebar: DefaultTheme.SidebarItem[] = [
  {
    text: 'Begin',
    items: [
      { text: 'What it is', link: '/' },
      { text: 'Answers', link: '/docs/answers' },
      { text: 'A first hour', link: '/docs/tutorial' },
      { text: 'Contributing', link: '/docs/contributing' },
      { text: 'Extending', link: '/docs/extending' },
    ],
  },
  {
    text: 'Clients and services',
    items: [
      { text: 'Protocol', link: '/docs/protocol' },
      { text: 'Differences from the document', link: '/docs/protocol-differences' },
      { text: 'Delivery guarantees', link: '/docs/delivery' },
      { text: 'Sessions', link: '/docs/sessions' },
      { text: 'Testing by hand (QA)', link: '/docs/qa' },
    ],
  },
  {
    text: 'Operators',
    items: [
      { text: 'Production', link: '/docs/production' },
      { text: 'Runbook', link: '/docs/runbook' },
      { text: 'Deployment', link: '/docs/deployment' },
      { text: 'Operations', link: '/docs/operations' },
      { text: 'Upgrading', link: '/docs/upgrading' },
      { text: 'Importing from an Erlang server', link: '/docs/moving-in' },
      { text: 'The broker', link: '/mosquitto/README' },
      { text: 'Changes', link: '/CHANGELOG' },
    ],
  },
  {
    text: 'Decisions',
    items: [
      { text: 'Scaling', link: '/docs/scaling' },
      { text: 'Performance', link: '/docs/performance' },
      { text: 'Threats', link: '/docs/threats' },
      { text: 'Security', link: '/SECURITY' },
      { text: 'Architecture', link: '/docs/architecture' },
      { text: 'The codec', link: '/src/etf/README' },
    ],
  },
];

const root = new URL('../../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };

/** The list of settings, which the site has as a file. */
const settings = 'settings.txt';

/** Links to other files that are no pages, such as sources, stay as text. */
const isNoPage = (link: string): boolean => !/^#|^https?:|\.md(?:#|$)/.test(link);

/** Whether a link of a page leads to README.md, which is the first page of the site. */
const isFirstPage = (link: string, page: string): boolean =>
  posix.join(posix.dirname(page), link.split('#', 1)[0] ?? '') === 'README.md';

const answers = 'docs/answers.md';

/** A row of answers.md, as the page has it, and as the search sees it: its question as a heading. */
const answerRow = /<tr id="([^"]+)">\s*<td>(.*?)<\/td>\s*<td>(.*?)<\/td>\s*<\/tr>/gs;
const rowAsSection = '<h3 id="$1">$2 <a href="#$1">#</a></h3><p>$3</p>';

/** The site of the documents: `npm run docs` builds it from the pages as they stand, with a search that needs no server. */
export default defineConfig({
  title: 'PROFILE worker',
  description: 'A stateless MQTT worker for a messenger’s PROFILE protocol',
  srcDir: '..',
  srcExclude: [
    'node_modules/**',
    'dist/**',
    'dist-docs/**',
    'tests/**',
    'bench/**',
    'page/**',
    '.cache/**',
    'deploy/**',
  ],
  outDir: '../dist-docs',
  cacheDir: '../.cache/vitepress',
  rewrites: { 'README.md': 'index.md' },
  ignoreDeadLinks: [/./],
  buildEnd: ({ outDir }) => copyFileSync(new URL('.env.example', root), `${outDir}/${settings}`),
  // The library of diagrams is a file beside the others, not part of their code.
  vite: { publicDir: false, build: { assetsInlineLimit: 0, chunkSizeWarningLimit: 2000 } },
  markdown: {
    // As on GitHub, so that links to headings lead there on both.
    anchor: { slugify: anchorOf },
    config(markdown) {
      // Vue would read `{{…}}` in code as its own.
      const code = markdown.renderer.rules.code_inline!;
      markdown.renderer.rules.code_inline = (tokens, index, ...rest) => {
        tokens[index]!.attrSet('v-pre', '');
        return code(tokens, index, ...rest);
      };
      const fence = markdown.renderer.rules.fence!;
      markdown.renderer.rules.fence = (tokens, index, ...rest) => {
        const token = tokens[index]!;
        if (token.info.trim() !== 'mermaid') return fence(tokens, index, ...rest);
        return `<pre class="diagram" v-pre>${markdown.utils.escapeHtml(token.content)}</pre>`;
      };
      markdown.core.ruler.push('rows-of-answers', ({ tokens, env }) => {
        if (env.relativePath !== answers) return;
        for (const [at, { type }] of tokens.entries()) {
          const question = tokens[at + 2];
          if (type === 'tr_open' && tokens[at + 1]?.type === 'td_open')
            tokens[at]!.attrSet('id', anchorOf(question?.content ?? ''));
        }
      });
      markdown.core.ruler.push('links-to-sources', ({ tokens, env }) => {
        for (const { children } of tokens) {
          for (const [at, token] of (children ?? []).entries()) {
            if (token.type !== 'link_open') continue;
            const href = token.attrGet('href') ?? '';
            if (isFirstPage(href, env.relativePath)) token.attrSet('href', `/${href.replace(/^[^#]*/, '')}`);
            if (href.endsWith('.env.example')) {
              token.attrSet('href', `/${settings}`);
              token.attrSet('target', '_blank');
              continue;
            }
            if (!isNoPage(href)) continue;
            token.tag = 'span';
            token.attrs = null;
            const end = children!.slice(at).find(({ type }) => type === 'link_close');
            if (end !== undefined) end.tag = 'span';
          }
        }
      });
    },
  },
  themeConfig: {
    sidebar,
    nav: [{ text: version, link: '/CHANGELOG' }],
    outline: [2, 3],
    search: {
      provider: 'local',
      options: {
        detailedView: true,
        _render(source, env, markdown) {
          // The language of a block would stick to its first word.
          const html = markdown.render(source, env).replaceAll(/<span class="lang">[^<]*<\/span>/g, '');
          return env.relativePath === answers ? html.replace(answerRow, rowAsSection) : html;
        },
        // The functions run in the browser, so they use nothing from here.
        miniSearch: {
          options: {
            // As MiniSearch does, but "e-mail" is "email".
            tokenize: (text) => text.replace(/\be-mail/gi, 'email').split(/[\n\r\p{Z}\p{P}]+/u),
          },
          searchOptions: {
            boost: { title: 4, titles: 2 },
            weights: { prefix: 0.2, fuzzy: 0.1 },
            // Names of alerts and metrics begin with it.
            prefix: (term) => term.length > 3 && term !== 'profile',
            boostTerm: (term) => (term === 'profile' ? 0.2 : 1),
            fuzzy: (term) => (term.length > 5 ? 0.2 : false),
            // What a question is made of besides its subject.
            processTerm: (term) =>
              /^(?:a|an|and|any|are|as|at|be|by|can|do|does|for|from|has|have|how|i|if|in|is|it|its|me|must|my|of|on|one|or|our|should|so|than|that|the|their|them|then|there|they|this|to|was|we|what|when|where|which|who|why|will|with|you|your)$/i.test(
                term,
              )
                ? null
                : term.toLowerCase(),
            boostDocument: (id) => (id.includes('CHANGELOG') ? 0.2 : id.includes('/answers') ? 1.5 : 1),
          },
        },
      },
    },
  },
});
