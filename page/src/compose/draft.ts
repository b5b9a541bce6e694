import { computed, signal } from '@preact/signals';
import { defaultLimits, EtfTextError, encode, parse, print } from '../../../src/etf/index.ts';
import { explain } from '../../../src/qa/formats/explain.ts';
import { records } from '../../../src/qa/formats/record-fields.ts';
import { speaker } from '../people.ts';
import { requests } from '../requests.ts';
import { formOf } from './forms.ts';

/** The kind of request in the composer. */
export const kind = signal('get');

/** The typed values, by `<phone>/<request>.<field>`. */
const typed = signal<Readonly<Record<string, string>>>({});

/** The term as it was edited by hand; `undefined` while the form determines it. */
export const editedText = signal<string | undefined>(undefined);

/** The value of a field: the text typed for this phone and request, or the phone's example. */
export function fieldValue(field: string): string {
  const place = `${kind.value}.${field}`;
  return typed.value[`${speaker.value?.phone}/${place}`] ?? speaker.value?.examples[place] ?? '';
}

export function type(field: string, value: string): void {
  editedText.value = undefined;
  typed.value = { ...typed.value, [`${speaker.value?.phone}/${kind.value}.${field}`]: value };
}

/** Switches to another request. */
export function turnTo(other: string): void {
  kind.value = other;
  editedText.value = undefined;
}

/** Makes the request of the form, in Erlang text. */
export const composedText = computed(() => composeText());

function composeText(): string {
  const phone = speaker.value?.phone ?? '';
  return print(formOf(kind.value).compose(phone, (field) => fieldValue(field).trim()));
}

/** Makes a request without fields, as bytes. */
export function payloadOf(phone: string, plainKind: string): Uint8Array {
  return encode(formOf(plainKind).compose(phone, () => ''));
}

/**
 * Makes the request as bytes. Reads the form again, because some forms use the current time.
 * @throws EtfTextError when the text edited by hand is not an Erlang term.
 */
export function payload(): Uint8Array {
  return encode(parse(editedText.value ?? composeText(), { records }));
}

/** What is wrong with the text that was edited by hand, so that it can't be sent; `''` if nothing is. */
export const textFault = computed(() => checkedText.value.fault);

/** Why a worker would refuse a request that can still be sent; `''` if no reason is known. */
export const doubt = computed(() => checkedText.value.doubt);

const checkedText = computed((): { fault: string; doubt: string } => {
  try {
    const message = encode(parse(editedText.value ?? composedText.value, { records }));
    const kinds = Object.keys(requests.value);
    return { fault: '', doubt: (kinds.length > 0 && explain(message, defaultLimits, kinds)) || '' };
  } catch (error) {
    if (error instanceof EtfTextError) return { fault: error.message, doubt: '' };
    throw error;
  }
});
