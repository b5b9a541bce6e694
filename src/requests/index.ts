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

/** Where the slow work of each kind is done, as metrics show it. */
export const lanes: Readonly<Record<RequestKind, 'fast' | 'fan-out' | 'mail' | 'sts'>> = {
  get: 'fast',
  set: 'fast',
  update: 'fan-out',
  link: 'mail',
  email: 'fast',
  aws: 'sts',
  remove: 'fan-out',
  migrate: 'fast',
  phone: 'fan-out',
};
