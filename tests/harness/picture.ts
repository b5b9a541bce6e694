/**
 * Compares pictures of a page as somebody sees them from a step away.
 *
 * Programs draw the same font a little differently: other edges, other weight. So a picture is divided into blocks of
 * 16 pixels, and the mean colours of the blocks are compared. A block may differ a little, and few blocks may differ much.
 * The fonts themselves come with the page, so lines break at the same places everywhere.
 */
import { inflateSync } from 'node:zlib';

/** A picture in memory. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue of each pixel, row by row. */
  readonly pixels: Uint8Array;
}

export interface Difference {
  /** The share of blocks that differ, from 0 to 1. */
  readonly share: number;
  /** The rectangle in pixels that holds them all; `undefined` if there is none. */
  readonly where?: {
    readonly left: number;
    readonly top: number;
    readonly right: number;
    readonly bottom: number;
  };
}

const block = 16;
/** Of 255. Text of another weight changes the mean of its block by less; a line of text that is missing, by more. */
const tolerated = 10;

/** How much two pictures differ. What only the larger one has differs too. */
export function compare(one: Picture, other: Picture): Difference {
  const columns = Math.ceil(Math.max(one.width, other.width) / block);
  const rows = Math.ceil(Math.max(one.height, other.height) / block);
  const means = [meansOf(one, columns, rows), meansOf(other, columns, rows)] as const;
  const different: number[] = [];
  for (let index = 0; index < columns * rows; index++) {
    const [mine = [], its = []] = [means[0][index], means[1][index]];
    if (mine.some((mean, channel) => Math.abs(mean - (its[channel] ?? 0)) > tolerated)) different.push(index);
  }
  if (different.length === 0) return { share: 0 };
  const xs = different.map((index) => index % columns);
  const ys = different.map((index) => Math.floor(index / columns));
  return {
    share: different.length / (columns * rows),
    where: {
      left: Math.min(...xs) * block,
      top: Math.min(...ys) * block,
      right: (Math.max(...xs) + 1) * block,
      bottom: (Math.max(...ys) + 1) * block,
    },
  };
}

/** The mean colour of each block; beyond the picture it is black. */
function meansOf({ width, height, pixels }: Picture, columns: number, rows: number): number[][] {
  const means = Array.from({ length: columns * rows }, () => [0, 0, 0]);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const mean = means[Math.floor(y / block) * columns + Math.floor(x / block)];
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3 && mean !== undefined; channel++)
        mean[channel] = (mean[channel] ?? 0) + (pixels[at + channel] ?? 0) / (block * block);
    }
  }
  return means;
}

/** Reads a PNG of eight bits a channel, in colour, not interlaced, as browsers write it. @throws Error for any other. */
export function readPng(file: Uint8Array): Picture {
  const bytes = Buffer.from(file);
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const [depth, type, , , interlace] = bytes.subarray(24, 29);
  const channels = type === 2 ? 3 : type === 6 ? 4 : 0;
  if (depth !== 8 || channels === 0 || interlace !== 0) throw new Error('a PNG of another form');
  const parts: Buffer[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const rows = unfilter(inflateSync(Buffer.concat(parts)), width * channels, channels);
  const pixels = new Uint8Array(width * height * 3);
  for (let index = 0; index < width * height; index++)
    for (let channel = 0; channel < 3; channel++)
      pixels[index * 3 + channel] = rows[index * channels + channel] ?? 0;
  return { width, height, pixels };
}

/** Undoes the filters of PNG (section 9 of its specification). */
function unfilter(data: Uint8Array, rowLength: number, step: number): Uint8Array {
  const height = data.length / (rowLength + 1);
  const rows = new Uint8Array(rowLength * height);
  for (let y = 0; y < height; y++) {
    const filter = data[y * (rowLength + 1)];
    for (let x = 0; x < rowLength; x++) {
      const at = y * rowLength + x;
      const left = x < step ? 0 : (rows[at - step] ?? 0);
      const up = y === 0 ? 0 : (rows[at - rowLength] ?? 0);
      const corner = x < step || y === 0 ? 0 : (rows[at - rowLength - step] ?? 0);
      const guesses = [0, left, up, (left + up) >> 1, paeth(left, up, corner)];
      rows[at] = (data[y * (rowLength + 1) + 1 + x] ?? 0) + (guesses[filter ?? 0] ?? 0);
    }
  }
  return rows;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
