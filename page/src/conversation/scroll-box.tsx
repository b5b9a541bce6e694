import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface ScrollBoxProps {
  readonly name: string;
  readonly label: string;
  readonly children: ComponentChildren;
}

/** Holds content that may be longer than its box. It takes the Tab key only if it can scroll. */
export function ScrollBox({ name, label, children }: ScrollBoxProps) {
  const box = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const resized = new ResizeObserver(() => setScrolls(element.scrollHeight > element.clientHeight));
    resized.observe(element);
    return () => resized.disconnect();
  }, []);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for the parts of a form
    <div ref={box} class={name} role="group" aria-label={label} tabIndex={scrolls ? 0 : undefined}>
      {children}
    </div>
  );
}
