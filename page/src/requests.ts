import { signal } from '@preact/signals';
import type { Requests } from '../../dev/page/shapes.ts';

/** The requests that can be composed; empty before the server has told. */
export const requests = signal<Requests>({});
