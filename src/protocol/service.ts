import { atom, encodeFragment, type Fragment, tuple } from '../etf/index.ts';
import { atOnce, type Steps } from '../lib/slices.ts';
import { isUnset, readAtom, readText } from './fields.ts';
import { readListInSteps, recordsInStep } from './list.ts';
import { fieldOffsets, roomForOffsets, storedRecord } from './record.ts';

/** The kind of a service; `undefined` where the client left it out. */
export type ServiceType = 'email' | 'vox' | 'aws';

/** `{'Service',Id,Type,Data,Login,Password,Expiration,Status}`: an account of a profile at another system. */
export class Service {
  readonly type: ServiceType | undefined;
  /** The whole record, ready to be stored. */
  readonly fragment: Fragment;

  constructor(type: ServiceType | undefined, fragment: Fragment) {
    this.type = type;
    this.fragment = fragment;
  }

  /** Cut out on use: most of thousands of services are only carried along. */
  #field(index: number): Fragment {
    fieldOffsets(this.fragment, 'Service', offsets);
    return this.fragment.subarray(offsets[index], offsets[index + 1]);
  }

  get id(): Fragment {
    return this.#field(fieldIndex.id);
  }
  /** As it was sent, byte for byte. */
  get data(): Fragment {
    return this.#field(fieldIndex.data);
  }
  get password(): Fragment {
    return this.#field(fieldIndex.password);
  }
  get status(): Fragment {
    return this.#field(fieldIndex.status);
  }
}

const fieldIndex = { id: 0, type: 1, data: 2, password: 4, status: 6 } as const;

/** Of the fields of the service that is being read. */
const offsets = roomForOffsets('Service');

/** Reads one service; `undefined` for anything else, also for a type that the protocol does not have. */
export function readService(fragment: Fragment): Service | undefined {
  if (!fieldOffsets(fragment, 'Service', offsets)) return undefined;
  const type = offsets[fieldIndex.type];
  const isTyped = !isUnset(fragment, type);
  const name = isTyped ? readAtom(fragment, type) : undefined;
  if (isTyped && !isServiceType(name)) return undefined;
  const stored = storedRecord('Service', fragment, offsets, fieldIndex.data);
  return new Service(isServiceType(name) ? name : undefined, stored);
}

/** Reads a list of services; `undefined` if it is not a list, or an element is not a service. */
export function readServices(fragment: Fragment): Service[] | undefined {
  return atOnce(readServicesInSteps(fragment));
}

/** Reads a list of services as `readServices` does, in steps. */
export function readServicesInSteps(fragment: Fragment): Steps<Service[] | undefined> {
  return readListInSteps(fragment, readService);
}

/** Returns the services after a `set`: the client owns those of type `vox`, the server all others. */
export function replaceVoxServices(stored: readonly Service[], sent: readonly Service[]): Service[] {
  return [...stored.filter(({ type }) => type !== 'vox'), ...sent.filter(({ type }) => type === 'vox')];
}

/**
 * Returns the services after a `set` of a trusted service. A sent one replaces the stored one of its type and id, or is added
 * at the end; the status `remove` takes that one away. Those of type `aws` are ignored: credentials are never kept in clear.
 */
export function* mergeServices(stored: readonly Service[], sent: readonly Service[]): Steps<Service[]> {
  const named = new Map<string, Service>();
  for (const [index, service] of sent.entries()) {
    if (service.type !== 'aws') named.set(nameOf(service), service);
    if (index % recordsInStep === 0) yield;
  }
  const merged: Service[] = [];
  const placed = new Set<Service>();
  const place = (service: Service): void => {
    if (!placed.has(service) && readAtom(service.status) !== 'remove') merged.push(service);
    placed.add(service);
  };
  for (const [index, service] of stored.entries()) {
    const replacement = named.get(nameOf(service));
    if (replacement === undefined) merged.push(service);
    else place(replacement);
    if (index % recordsInStep === 0) yield;
  }
  for (const service of named.values()) place(service);
  return merged;
}

/** Equal for services of one type and id. */
function nameOf({ type, id }: Service): string {
  return `${type} ${readText(id) ?? Buffer.from(id).toString('hex')}`;
}

/** The address of an `email` service; `undefined` for any other service, and for an id that is not text. */
export function addressOf({ id, type }: Service): string | undefined {
  return type === 'email' || type === undefined ? readText(id) : undefined;
}

/** Whether one of the services is verified. */
export function hasVerified(services: readonly Service[]): boolean {
  return services.some(({ status }) => readAtom(status) === 'verified');
}

/** So many addresses wait for their codes, the newest; a phone may ask for five codes an hour, and none is good for longer. */
const maxAdded = 5;

/**
 * Returns services with an e-mail address `added` or `verified`: replaces the one with that address, or adds it last. Of those
 * that are only `added` the newest stay.
 */
export function withEmail(
  services: readonly Service[],
  address: string,
  status: 'added' | 'verified',
): Pick<Service, 'fragment'>[] {
  const own = { fragment: emailService(address, status) };
  const isOwn = (service: Service): boolean => service.type === 'email' && addressOf(service) === address;
  if (services.some(isOwn)) return services.map((service) => (isOwn(service) ? own : service));
  const room = status === 'added' ? maxAdded - 1 : maxAdded;
  const outdated = new Set(services.filter(isAdded).slice(0, -room));
  return [...services.filter((service) => !outdated.has(service)), own];
}

function isAdded(service: Service): boolean {
  return service.type === 'email' && readAtom(service.status) === 'added';
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
