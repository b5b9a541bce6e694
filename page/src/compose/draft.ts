import { computed, signal } from '@preact/signals';
import { defaultLimits, EtfTextError, encode, parse, print } from '../../../src/etf/index.ts';
import type { RequestKind } from '../../../src/protocol/profile.ts';
import { explain } from '../../../src/qa/formats/explain.ts';
import { records } from '../../../src/qa/formats/record-fields.ts';
import { speaker } from '../people.ts';
import { forms } from './forms.ts';

/** Which request is being composed. */
export const kind = signal<RequestKind>('get');

/** What was typed, by `<phone>/<request>.<field>`. */
const typed = signal<Readonly<Record<string, string>>>({});

/** The term as it was edited by hand; `undefined` while the form says it. */
export const editedText = signal<string | undefined>(undefined);

/** What stands in a field: what was typed there for this phone and request, or the phone's example. */
export function fieldValue(field: string): string {
  const place = `${kind.value}.${field}`;
  return typed.value[`${speaker.value?.phone}/${place}`] ?? speaker.value?.examples[place] ?? '';
}

export function type(field: string, value: string): void {
  editedText.value = undefined;
  typed.value = { ...typed.value, [`${speaker.value?.phone}/${kind.value}.${field}`]: value };
}

/** Compose another request. */
export function turnTo(other: RequestKind): void {
  kind.value = other;
  editedText.value = undefined;
}

/** The request as the form says it, in Erlang text. */
export const composedText = computed(() => composeText());

function composeText(): string {
  const phone = speaker.value?.phone ?? '';
  return print(forms[kind.value].compose(phone, (field) => fieldValue(field).trim()));
}

/** A request that has no fields, as bytes. */
export function payloadOf(phone: string, plainKind: RequestKind): Uint8Array {
  return encode(forms[plainKind].compose(phone, () => ''));
}

/**
 * The request as bytes. A form is read anew, since some take the time.
 * @throws EtfTextError when what was edited by hand is no Erlang term.
 */
export function payload(): Uint8Array {
  return encode(parse(editedText.value ?? composeText(), { records }));
}

/** What is wrong with the text that was edited by hand, so that it can't be sent; `''` if nothing is. */
export const textFault = computed(() => checkedText.value.fault);

/** Why a worker would refuse what can be sent all the same; `''` if nothing is known. */
export const doubt = computed(() => checkedText.value.doubt);

const checkedText = computed((): { fault: string; doubt: string } => {
  try {
    const message = encode(parse(editedText.value ?? composedText.value, { records }));
    return { fault: '', doubt: explain(message, defaultLimits) ?? '' };
  } catch (error) {
    if (error instanceof EtfTextError) return { fault: error.message, doubt: '' };
    throw error;
  }
});
