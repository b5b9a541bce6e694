import { signal } from '@preact/signals';
import { openLine } from '../broker.ts';
import { addPhone, choose, people, speaker } from '../people.ts';
import { editedText } from './draft.ts';
import { attempt } from './outcome.ts';

const newPhone = signal('');
const isPhone = (text: string): boolean => /^\d{5,15}$/.test(text);

/** Selects the phone that the page uses. */
export function Speaker() {
  return (
    <>
      <fieldset class="speakers">
        <legend>Ask as</legend>
        {people.value.map(({ name, phone }) => (
          <label key={phone} class="person">
            <input
              type="radio"
              name="speaker"
              checked={speaker.value?.phone === phone}
              onChange={() => {
                choose(phone);
                editedText.value = undefined;
              }}
            />
            <span>{name}</span> {name !== phone && <span class="number">{phone}</span>}
          </label>
        ))}
      </fieldset>
      <details class="other-phone">
        <summary>Another phone</summary>
        <div class="field inline">
          <label for="new-phone">Phone, 5 to 15 digits</label>
          <input
            id="new-phone"
            inputmode="numeric"
            autocomplete="off"
            value={newPhone.value}
            onInput={(event) => {
              newPhone.value = event.currentTarget.value.trim();
            }}
          />
          <button type="button" disabled={!isPhone(newPhone.value)} onClick={() => void attempt(add)}>
            Add
          </button>
        </div>
      </details>
    </>
  );
}

async function add(): Promise<string> {
  const phone = newPhone.value;
  newPhone.value = '';
  addPhone(phone);
  await openLine(phone);
  return '';
}
