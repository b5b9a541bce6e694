import type { Section } from './table.ts';

const WIDTH = 720;
const LABEL_WIDTH = 240;
const BAR_WIDTH = 360;
const ROW_HEIGHT = 22;
const TITLE_HEIGHT = 34;
const HEAD_HEIGHT = 44;

/** A bar chart (SVG) of each section's first column; the thin line shows the middle half of the rounds. */
export function chartOf(sections: readonly Section[], machine: string): string {
  let y = HEAD_HEIGHT;
  const parts = sections.map((section) => {
    const top = y;
    y += TITLE_HEIGHT + section.rows.length * ROW_HEIGHT;
    return sectionBars(section, top);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 16}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="16" y="22" font-size="10" fill="#57606a">${escapeXml(machine)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function sectionBars({ title, columns, rows }: Section, top: number): string {
  const longest = Math.max(...rows.map(({ figures }) => figures[0]?.high ?? 0));
  const scale = (value: number): number => Math.round(((value / longest) * BAR_WIDTH || 0) * 10) / 10;
  const bars = rows.map(({ name, figures }, index) => {
    const figure = figures[0] ?? { median: 0, low: 0, high: 0 };
    const y = top + TITLE_HEIGHT + index * ROW_HEIGHT;
    const middle = y + ROW_HEIGHT / 2 - 3;
    const [low, high] = [LABEL_WIDTH + scale(figure.low), LABEL_WIDTH + scale(figure.high)];
    return [
      `<text x="${LABEL_WIDTH - 8}" y="${middle + 4}" text-anchor="end" fill="#24292f">${escapeXml(name)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${scale(figure.median)}" height="${ROW_HEIGHT - 6}" fill="#2f81b7"/>`,
      `<path d="M${low} ${middle}H${high}" stroke="#24292f"/>`,
      `<text x="${LABEL_WIDTH + BAR_WIDTH + 12}" y="${middle + 4}" fill="#24292f">${figure.median.toPrecision(3)}</text>`,
    ].join('\n');
  });
  const heading = `${title}: ${columns[0] ?? ''}`;
  return [
    `<text x="16" y="${top + 20}" font-weight="bold" fill="#24292f">${escapeXml(heading)}</text>`,
    ...bars,
  ].join('\n');
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
