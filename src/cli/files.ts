import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import { CliFault } from './terminal.ts';

/** @throws CliFault with the path and the system's code, as all functions here. */
export function readWhole(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => unreadable(path, error));
}

/** Open a file that is not there yet, for the user's eyes only. */
export function openNew(path: string): Promise<FileHandle> {
  return open(path, 'wx', 0o600).catch((error: unknown) => unwritable(path, error));
}

/** Write such a file. */
export function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  const isNew = { flag: 'wx', mode: 0o600 };
  return writeFile(path, content, isNew).catch((error: unknown) => unwritable(path, error));
}

export function unreadable(path: string, error: unknown): never {
  throw new CliFault(`${path} cannot be read: ${codeOf(error)}`);
}

export function unwritable(path: string, error: unknown): never {
  const code = codeOf(error);
  throw new CliFault(
    code === 'EEXIST' ? `${path} exists; it is left alone` : `${path} cannot be written: ${code}`,
  );
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
