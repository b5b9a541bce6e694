import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { shownSeconds } from './history.ts';

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** The newest value, in words. */
  readonly now: string;
}

interface ChartProps {
  readonly title: string;
  /** Unix milliseconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
}

const heightPx = 72;
const axisFont = '11px "Inter Variable", sans-serif';
const axisGap = 4;
/** The charts begin at the same place while the labels are short. */
const leastLabelPx = 28;

/** A small chart of the last two minutes; its newest values are also text beside the title. */
export function Chart({ title, times, lines }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const shape = lines.map(({ name }) => name).join();

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element, lines), [[], ...lines.map(() => [])], element);
    };
    draw();
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: heightPx }),
    );
    resized.observe(element);
    // A canvas does not read colours from the style sheet by itself.
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    return () => {
      dark.removeEventListener('change', draw);
      resized.disconnect();
      plot.current?.destroy();
    };
  }, [shape]);

  useEffect(() => {
    const data = [times.map((ms) => ms / 1000), ...lines.map(({ values }) => [...values])];
    plot.current?.setData(data as uPlot.AlignedData);
  }, [times, lines]);

  const spoken = lines.map(({ name, now }) => `${name} ${now}`).join(', ');
  return (
    <figure>
      <figcaption>
        <span class="title">{title}</span>
        {lines.map(({ name, now }, index) => (
          <span key={name} class={`key line-${index % colours}`}>
            <span aria-hidden="true" /> {name} <b>{now}</b>
          </span>
        ))}
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}, last two minutes. Now: ${spoken}`} />
    </figure>
  );
}

/** The number of colours for lines. */
const colours = 4;

function optionsOf(element: Element, lines: readonly Line[]): uPlot.Options {
  const muted = colourOf(element, '--muted');
  return {
    width: element.clientWidth,
    height: heightPx,
    legend: { show: false },
    cursor: { show: false },
    padding: [6, 0, 6, 0],
    scales: {
      x: { range: (_, __, max) => [(max ?? Date.now() / 1000) - shownSeconds, max ?? Date.now() / 1000] },
      y: { range: (_, __, max) => [0, Math.max(1, (max ?? 0) * 1.15)] },
    },
    axes: [
      { show: false },
      {
        size: (plot, labels) => labelWidth(plot.ctx, labels) + axisGap,
        gap: axisGap,
        font: axisFont,
        stroke: muted,
        space: 26,
        ticks: { show: false },
        grid: { stroke: colourOf(element, '--line'), width: 1 },
      },
    ],
    series: [
      {},
      ...lines.map((_, index) => ({
        stroke: colourOf(element, `--line-${index % colours}`),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

/** The space that the longest label of an axis takes, in CSS pixels. `labels` is `null` while there are none. */
function labelWidth(context: CanvasRenderingContext2D, labels: readonly string[] | null): number {
  context.save();
  context.font = axisFont;
  const widths = (labels ?? []).map((label) => context.measureText(label).width);
  context.restore();
  // A glyph may reach a little beyond its width.
  return Math.ceil(Math.max(leastLabelPx, ...widths)) + 2;
}

/** Reads a colour of the style sheet as it is now, in light or dark. */
function colourOf(element: Element, name: string): string {
  const probe = element.ownerDocument.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
