import { escapeXml } from '../chart.ts';

/** A line through points of a chart. */
export interface Curve {
  readonly name: string;
  readonly colour: string;
  readonly isDashed?: boolean;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly isLogarithmic?: boolean;
  readonly curves: readonly Curve[];
  /** Marked on the x axis. */
  readonly marks?: readonly { readonly x: number; readonly text: string; readonly colour: string }[];
}

const WIDTH = 760;
const HEIGHT = 340;
const BOX = { left: 70, top: 34, right: 600, bottom: 280 };

/** Charts below each other, as one SVG. */
export function curvesSvg(charts: readonly Chart[], caption: string): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${charts.length * HEIGHT + 30}" font-family="sans-serif" font-size="11">`,
    `<title>${escapeXml(charts.map(({ title }) => title).join('; '))}</title>`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="16" y="18" font-size="9" fill="#57606a">${escapeXml(caption)}</text>`,
    ...charts.map(
      (chart, index) =>
        `<g transform="translate(0 ${index * HEIGHT + 24})">\n${chartLines(chart).join('\n')}\n</g>`,
    ),
    '</svg>\n',
  ].join('\n');
}

function chartLines({ title, xLabel, yLabel, isLogarithmic = false, curves, marks = [] }: Chart): string[] {
  const points = curves.flatMap((curve) => curve.points);
  const maxX = Math.max(1, ...points.map(({ x }) => x));
  const [minY, maxY] = isLogarithmic
    ? decades(points.map(({ y }) => y))
    : [0, Math.max(1, ...points.map(({ y }) => y))];
  const xOf = (x: number): number => round(BOX.left + (x / maxX) * (BOX.right - BOX.left));
  const partOf = (y: number): number =>
    isLogarithmic ? Math.log(Math.max(y, minY) / minY) / Math.log(maxY / minY) : y / maxY;
  const yOf = (y: number): number => round(BOX.bottom - partOf(y) * (BOX.bottom - BOX.top));
  const yTicks = isLogarithmic ? powers(minY, maxY) : fifths(maxY);
  return [
    `<text x="${BOX.left}" y="20" font-weight="bold" fill="#24292f">${escapeXml(title)}</text>`,
    ...yTicks.map(
      (y) =>
        `<path d="M${BOX.left} ${yOf(y)}H${BOX.right}" stroke="#d8dee4"/>${label(BOX.left - 6, yOf(y) + 4, 'end', numberText(y))}`,
    ),
    ...fifths(maxX).map((x) => label(xOf(x), BOX.bottom + 16, 'middle', numberText(x))),
    label((BOX.left + BOX.right) / 2, BOX.bottom + 34, 'middle', xLabel),
    `<text transform="rotate(-90 16 ${(BOX.top + BOX.bottom) / 2})" x="16" y="${(BOX.top + BOX.bottom) / 2}" text-anchor="middle" fill="#24292f">${escapeXml(yLabel)}</text>`,
    ...marks.flatMap(({ x, text, colour }, index) => [
      `<path d="M${xOf(x)} ${BOX.top}V${BOX.bottom}" stroke="${colour}" stroke-dasharray="2 3"/>`,
      `<text x="${xOf(x) + 3}" y="${BOX.top + 10 + index * 13}" fill="${colour}">${escapeXml(text)}</text>`,
    ]),
    ...curves.flatMap(({ name, colour, isDashed, points: path }, index) => [
      `<polyline fill="none" stroke="${colour}" stroke-width="1.6"${isDashed ? ' stroke-dasharray="5 4"' : ''} points="${path.map(({ x, y }) => `${xOf(x)},${yOf(y)}`).join(' ')}"/>`,
      ...path.map(({ x, y }) => `<circle cx="${xOf(x)}" cy="${yOf(y)}" r="2.4" fill="${colour}"/>`),
      `<path d="M${BOX.right + 14} ${BOX.top + index * 16}h18" stroke="${colour}" stroke-width="1.6"${isDashed ? ' stroke-dasharray="5 4"' : ''}/>`,
      label(BOX.right + 38, BOX.top + index * 16 + 4, 'start', name),
    ]),
  ];
}

function label(x: number, y: number, anchor: string, text: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="#24292f">${escapeXml(text)}</text>`;
}

/** Whole powers of ten around the values. */
function decades(values: readonly number[]): [number, number] {
  const positive = values.filter((value) => value > 0);
  const min = 10 ** Math.floor(Math.log10(Math.min(1, ...positive)));
  const max = 10 ** Math.ceil(Math.log10(Math.max(min * 10, ...positive)));
  return [min, max];
}

function powers(min: number, max: number): number[] {
  const count = Math.round(Math.log10(max / min));
  return Array.from({ length: count + 1 }, (_, index) => min * 10 ** index);
}

function fifths(max: number): number[] {
  return [0, 1, 2, 3, 4, 5].map((part) => (max * part) / 5);
}

function numberText(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
