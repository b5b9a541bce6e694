import type { RequestKind } from '../records/profile.ts';
import { aws } from './aws.ts';
import { email } from './email.ts';
import { get } from './get.ts';
import type { Handler } from './handler.ts';
import { link } from './link.ts';
import { migrate } from './migrate.ts';
import { phone } from './phone.ts';
import { remove } from './remove.ts';
import { set } from './set.ts';
import { update } from './update.ts';

/** From the last element of a `'Profile'` to its handler. */
export const handlers: Readonly<Record<RequestKind, Handler>> = {
  get,
  set,
  update,
  link,
  email,
  aws,
  remove,
  migrate,
  phone,
};
