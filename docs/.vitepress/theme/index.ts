import script from '@mermaid-js/tiny/dist/mermaid.tiny.js?url';
import { onContentUpdated, type Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';

interface Mermaid {
  initialize(options: { startOnLoad: boolean; theme: string }): void;
  run(options: { nodes: readonly HTMLElement[] }): Promise<void>;
}

/** The library is a classic script, which leaves its object in the window; pages without a diagram do not load it. */
let loading: Promise<Mermaid> | undefined;
function load(): Promise<Mermaid> {
  loading ??= new Promise((resolve, reject) => {
    const element = document.createElement('script');
    element.src = script;
    element.onload = () => resolve((window as unknown as { mermaid: Mermaid }).mermaid);
    element.onerror = reject;
    document.head.append(element);
  });
  return loading;
}

/** Draw the diagrams of a page. */
async function draw(): Promise<void> {
  const nodes = [...document.querySelectorAll<HTMLElement>('pre.diagram:not([data-processed])')];
  if (nodes.length === 0) return;
  const mermaid = await load();
  const theme = document.documentElement.classList.contains('dark') ? 'dark' : 'default';
  mermaid.initialize({ startOnLoad: false, theme });
  await mermaid.run({ nodes });
}

export default {
  extends: DefaultTheme,
  setup() {
    onContentUpdated(() => void draw());
  },
} satisfies Theme;
