import { computed, signal } from '@preact/signals';
import type { Person } from '../../dev/page/shapes.ts';

/** Whom the page can speak for. */
export const people = signal<readonly Person[]>([]);

const chosenPhone = signal('');

/** Who is speaking now; `undefined` before the server has told whom there is. */
export const speaker = computed(() => people.value.find(({ phone }) => phone === chosenPhone.value));

export function choose(phone: string): void {
  chosenPhone.value = phone;
}

/** Speak for one more phone. */
export function addPhone(phone: string): void {
  if (!people.value.some((person) => person.phone === phone)) {
    people.value = [...people.value, { name: phone, phone, examples: {} }];
  }
  choose(phone);
}

/** What a phone is called here. */
export function nameOf(phone: string): string {
  return people.value.find((person) => person.phone === phone)?.name ?? phone;
}
