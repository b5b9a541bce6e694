import { atom, encode, encodeFragment, type Fragment, messageOf, tuple, tupleOf } from '../etf/index.ts';

/** Why a client is refused: the atom in `{io,{error,Refusal},<<>>}`. */
export const refusals = [
  'not_authorized',
  'not_found',
  'invalid_data',
  'invalid_email',
  'wrong_code',
  'too_many_requests',
  'already_exists',
  'too_large',
  'email_send',
  'aws',
  'busy',
  'internal',
] as const;

export type Refusal = (typeof refusals)[number];

/** What succeeded, where the answer is not a profile: the atom in `{io,{ok,Success},…}`. */
export const successes = ['email_sent', 'verified', 'aws', 'migration'] as const;

export type Success = (typeof successes)[number];

/** Makes the payload `{io,{error,Refusal},<<>>}`. */
export function ioError(refusal: Refusal): Buffer {
  return errors[refusal];
}

/** Makes the payload `{io,{ok,Success},Data}`; `Data` is `<<>>` where there is no record to return. */
export function ioOk(success: Success, data: Fragment = nothing): Buffer {
  return messageOf(tupleOf([io, encodeFragment(tuple(atom('ok'), atom(success))), data]));
}

const io = encodeFragment(atom('io'));
const nothing = encodeFragment(Buffer.alloc(0));

const errors = Object.fromEntries(
  refusals.map((refusal) => [
    refusal,
    encode(tuple(atom('io'), tuple(atom('error'), atom(refusal)), Buffer.alloc(0))),
  ]),
) as Record<Refusal, Buffer>;
