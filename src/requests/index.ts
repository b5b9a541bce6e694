import type { RequestKind } from '../records/profile.ts';
import { get } from './get.ts';
import { type Handler, refuse } from './outcome.ts';
import { set } from './set.ts';
import { update } from './update.ts';

const unready: Handler = () => refuse('internal');

/** From the status atom of a request to its handler. */
export const handlers: Record<RequestKind, Handler> = {
  get,
  set,
  update,
  link: unready,
  email: unready,
  aws: unready,
  remove: unready,
  migrate: unready,
  phone: unready,
};
