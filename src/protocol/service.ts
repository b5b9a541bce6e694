import { atom, encodeFragment, type Fragment, tuple } from '../etf/index.ts';
import { isUnset, readAtom, readText } from './fields.ts';
import { readList } from './list.ts';
import { recordFields, storedRecord } from './record.ts';

/** The kind of a service; `undefined` where the client left it out. */
export type ServiceType = 'email' | 'vox' | 'aws';

/** `{'Service',Id,Type,Data,Login,Password,Expiration,Status}`: an account of a profile at another system. */
export interface Service {
  readonly id: Fragment;
  readonly type: ServiceType | undefined;
  /** As it was sent, byte for byte. */
  readonly data: Fragment;
  readonly password: Fragment;
  readonly status: Fragment;
  /** The whole record, ready to be stored. */
  readonly fragment: Fragment;
}

/** Reads one service; `undefined` for anything else, also for a type that the protocol does not have. */
export function readService(fragment: Fragment): Service | undefined {
  const fields = recordFields(fragment, 'Service');
  if (fields === undefined) return undefined;
  const [id, type, data, , password, , status] = fields as Fields;
  const name = isUnset(type) ? undefined : readAtom(type);
  if (!isUnset(type) && !isServiceType(name)) return undefined;
  return {
    id,
    type: isServiceType(name) ? name : undefined,
    data,
    password,
    status,
    fragment: storedRecord('Service', fragment, fields, DATA),
  };
}

const DATA = 2;

/** In the order of the record: id, type, data, login, password, expiration, status. */
type Fields = [Fragment, Fragment, Fragment, Fragment, Fragment, Fragment, Fragment];

/** Reads a list of services; `undefined` if it is not a list, or an element is not a service. */
export function readServices(fragment: Fragment): Service[] | undefined {
  return readList(fragment, readService);
}

/** Returns the services after a `set`: the client owns those of type `vox`, the server all others. */
export function replaceVoxServices(stored: readonly Service[], sent: readonly Service[]): Service[] {
  return [...stored.filter(({ type }) => type !== 'vox'), ...sent.filter(({ type }) => type === 'vox')];
}

/** The address of an `email` service; `undefined` for any other service, and for an id that is not text. */
export function addressOf({ id, type }: Service): string | undefined {
  return type === 'email' || type === undefined ? readText(id) : undefined;
}

/** Whether one of the services is verified. */
export function hasVerified(services: readonly Service[]): boolean {
  return services.some(({ status }) => readAtom(status) === 'verified');
}

/**
 * Returns services with an e-mail address `added` or `verified`: replaces the one with that address, or adds it last.
 */
export function withEmail(
  services: readonly Service[],
  address: string,
  status: 'added' | 'verified',
): Pick<Service, 'fragment'>[] {
  const own = { fragment: emailService(address, status) };
  const isOwn = (service: Service): boolean => service.type === 'email' && addressOf(service) === address;
  return services.some(isOwn)
    ? services.map((service) => (isOwn(service) ? own : service))
    : [...services, own];
}

/** `{'Service',Email,email,[],[],[],[],Status}`. */
function emailService(address: string, status: 'added' | 'verified'): Fragment {
  return encodeFragment(
    tuple(atom('Service'), Buffer.from(address), atom('email'), [], [], [], [], atom(status)),
  );
}

/** Temporary AWS credentials as a service; `expiration` in Unix milliseconds. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: number;
}

/** `{'Service',AccessKeyId,aws,[],SecretAccessKey,SessionToken,Expiration,verified}`. */
export function awsService(credentials: AwsCredentials): Fragment {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  const [id, secret, token] = [accessKeyId, secretAccessKey, sessionToken].map((text) => Buffer.from(text));
  return encodeFragment(
    tuple(
      atom('Service'),
      id ?? [],
      atom('aws'),
      [],
      secret ?? [],
      token ?? [],
      expiration,
      atom('verified'),
    ),
  );
}

/** `{'Service',[],aws,[],[],[],[],added}`: credentials are requested, and come in a later answer. */
export const awsServiceAdded: Fragment = encodeFragment(
  tuple(atom('Service'), [], atom('aws'), [], [], [], [], atom('added')),
);

function isServiceType(name: string | undefined): name is ServiceType {
  return name === 'email' || name === 'vox' || name === 'aws';
}
