import { computed, signal } from '@preact/signals';
import type { Person } from '../../dev/page/shapes.ts';

/** The phones that the page can use. */
export const people = signal<readonly Person[]>([]);

const chosenPhone = signal('');

/** The phone in use; `undefined` before the server has sent the list. */
export const speaker = computed(() => people.value.find(({ phone }) => phone === chosenPhone.value));

export function choose(phone: string): void {
  chosenPhone.value = phone;
}

/** Adds a phone to the page. */
export function addPhone(phone: string): void {
  if (!people.value.some((person) => person.phone === phone)) {
    people.value = [...people.value, { name: phone, phone, examples: {} }];
  }
  choose(phone);
}

/** The name that the page shows for a phone. */
export function nameOf(phone: string): string {
  return people.value.find((person) => person.phone === phone)?.name ?? phone;
}
