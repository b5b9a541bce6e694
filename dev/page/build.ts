import { fileURLToPath } from 'node:url';
import { build, type InlineConfig } from 'vite';

/** A file of the built page, by its path from `/` on. */
export type PageFiles = ReadonlyMap<string, { readonly type: string; readonly body: string | Uint8Array }>;

export const pageFolder = fileURLToPath(new URL('../../page/', import.meta.url));

/**
 * Builds the page into memory. It writes nothing, so several builds may run at once, also in a read-only container.
 * @throws Error with the position of the fault in the page's source.
 */
export async function buildPage(): Promise<PageFiles> {
  const built = await build(config);
  if (!('output' in built)) throw new Error('one bundle was expected');
  return new Map(
    built.output.map((file) => [
      `/${file.fileName}`,
      {
        type: types[/\.\w+$/.exec(file.fileName)?.[0] ?? ''] ?? 'application/octet-stream',
        body: file.type === 'chunk' ? file.code : file.source,
      },
    ]),
  );
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

const config: InlineConfig = {
  root: pageFolder,
  configFile: false,
  logLevel: 'silent',
  // The page uses the worker's own codec unchanged; these files replace the few parts of Node that it uses.
  resolve: {
    alias: {
      'node:buffer': `${pageFolder}src/node/buffer.ts`,
      'node:zlib': `${pageFolder}src/node/zlib.ts`,
    },
  },
  build: {
    write: false,
    target: 'esnext',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
};
