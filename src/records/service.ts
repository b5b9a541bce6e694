import type { Fragment } from '../etf/index.ts';
import { canonical, isUnset, readAtom } from './fields.ts';
import { readList } from './list.ts';
import { recordFields, recordOf } from './record.ts';

/** What a service is; `undefined` where the client left it out. */
export type ServiceType = 'email' | 'vox' | 'aws';

/** `{'Service',Id,Type,Data,Login,Password,Expiration,Status}`: an account elsewhere that belongs to a profile. */
export interface Service {
  readonly id: Fragment;
  readonly type: ServiceType | undefined;
  /** As it was sent, byte for byte. */
  readonly data: Fragment;
  readonly password: Fragment;
  /** The whole record, ready to be stored. */
  readonly fragment: Fragment;
}

/** Read one service; `undefined` for anything else, also for a type that the protocol does not have. */
export function readService(fragment: Fragment): Service | undefined {
  const [id, type, data, login, password, expiration, status] = recordFields(fragment, 'Service') ?? [];
  if (id === undefined || type === undefined || data === undefined || login === undefined) return undefined;
  if (password === undefined || expiration === undefined || status === undefined) return undefined;
  const name = isUnset(type) ? undefined : readAtom(type);
  if (!isUnset(type) && !isServiceType(name)) return undefined;
  const [ownId, ownType, ...rest] = [id, type, login, password, expiration, status].map(canonical) as [
    Fragment,
    Fragment,
    ...Fragment[],
  ];
  return {
    id,
    type: isServiceType(name) ? name : undefined,
    data,
    password,
    fragment: recordOf('Service', [ownId, ownType, data, ...rest]),
  };
}

/** Read a list of services; `undefined` if it is no list, or one of them is no service. */
export function readServices(fragment: Fragment): Service[] | undefined {
  return readList(fragment, readService);
}

/** Services as they are after a `set`: the client owns those of type `vox`, the server all others. */
export function replaceVoxServices(stored: readonly Service[], sent: readonly Service[]): Service[] {
  return [...stored.filter(({ type }) => type !== 'vox'), ...sent.filter(({ type }) => type === 'vox')];
}

function isServiceType(name: string | undefined): name is ServiceType {
  return name === 'email' || name === 'vox' || name === 'aws';
}
