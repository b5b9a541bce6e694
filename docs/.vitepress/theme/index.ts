import { onContentUpdated, type Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';

/** Draws the diagrams of a page; the library is loaded by pages that have one. */
async function draw(): Promise<void> {
  const diagrams = [...document.querySelectorAll<HTMLElement>('pre.diagram:not([data-processed])')];
  if (diagrams.length === 0) return;
  const { default: mermaid } = await import('@mermaid-js/tiny');
  const theme = document.documentElement.classList.contains('dark') ? 'dark' : 'default';
  mermaid.initialize({ startOnLoad: false, theme });
  await mermaid.run({ nodes: diagrams });
}

export default {
  extends: DefaultTheme,
  setup() {
    onContentUpdated(() => void draw());
  },
} satisfies Theme;
