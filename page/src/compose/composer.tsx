import { ask, clientOf } from '../broker.ts';
import { speaker } from '../people.ts';
import { requests } from '../requests.ts';
import { server } from '../server.ts';
import { markOutdated } from '../shown/outdated.ts';
import {
  composedText,
  doubt,
  editedText,
  fieldValue,
  kind,
  payload,
  textFault,
  turnTo,
  type,
} from './draft.ts';
import { type Field, formOf } from './forms.ts';
import { attempt, outcome } from './outcome.ts';
import { Speaker } from './speaker.tsx';

/** The form where a request is composed and sent. */
export function Composer() {
  const { fields } = formOf(kind.value);
  return (
    <section class="composer" aria-labelledby="compose">
      <h2 id="compose">Compose</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void attempt(send);
        }}
      >
        <Speaker />
        <fieldset class="kinds">
          <legend>Request</legend>
          {Object.keys(requests.value).map((name) => (
            <Kind key={name} name={name} />
          ))}
        </fieldset>
        <p class="about">{requests.value[kind.value]}</p>
        {fields.length > 0 && (
          <div class="fields">
            {fields.map((field) => (
              <Control key={`${kind.value}.${field.name}`} field={field} />
            ))}
          </div>
        )}
        <TermText />
        <div class="actions">
          <button type="submit" class="main" disabled={textFault.value !== '' || speaker.value === undefined}>
            Send {kind.value}
          </button>
          <button type="button" onClick={() => void attempt(signInAgain)}>
            Sign in again
          </button>
        </div>
        <p class="outcome" role="status">
          {outcome}
        </p>
      </form>
    </section>
  );
}

function Kind({ name }: { name: string }) {
  return (
    <label class="chip">
      <input type="radio" name="kind" checked={kind.value === name} onChange={() => turnTo(name)} />
      <span>{name}</span>
    </label>
  );
}

function Control({ field }: { field: Field }) {
  const { name, label, hint, control, choices = [] } = field;
  const id = `field-${name}`;
  const common = {
    id,
    value: fieldValue(name),
    ...(hint !== undefined && { 'aria-describedby': `${id}-hint` }),
  };
  return (
    <div class={field.isShort ? 'field short' : 'field'}>
      <label for={id}>{label}</label>
      {control === 'choice' && (
        <select {...common} onChange={(event) => type(name, event.currentTarget.value)}>
          {choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice === '' ? 'as it is' : choice}
            </option>
          ))}
        </select>
      )}
      {control === 'lines' && (
        <textarea {...common} rows={2} onInput={(event) => type(name, event.currentTarget.value)} />
      )}
      {control === 'text' && (
        <input
          {...common}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => type(name, event.currentTarget.value)}
        />
      )}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** Shows the request as it is sent; requests that no form covers can be written here. */
function TermText() {
  const edited = editedText.value !== undefined;
  const isWrong = textFault.value !== '' || doubt.value !== '';
  return (
    <div class="field">
      <label for="term">Erlang term</label>
      <textarea
        id="term"
        class="code"
        rows={4}
        spellcheck={false}
        value={editedText.value ?? composedText.value}
        aria-describedby="term-hint"
        aria-invalid={textFault.value !== ''}
        onInput={(event) => {
          editedText.value = event.currentTarget.value;
        }}
      />
      <p class={isWrong ? 'hint fault' : 'hint'} id="term-hint" role="status">
        {hintOf(edited)}{' '}
        {edited && (
          <button
            type="button"
            class="link"
            onClick={() => {
              editedText.value = undefined;
            }}
          >
            Back to the form
          </button>
        )}
      </p>
    </div>
  );
}

function hintOf(edited: boolean): string {
  if (textFault.value !== '') return `${textFault.value}.`;
  if (doubt.value !== '') return `This will be refused: ${doubt.value}.`;
  return edited ? 'Edited by hand.' : 'Made by the form; may be edited.';
}

async function send(): Promise<string> {
  const phone = speaker.value?.phone;
  if (phone === undefined) return 'The server has not sent the list of phones yet.';
  await ask(phone, kind.value, payload());
  return '';
}

async function signInAgain(): Promise<string> {
  const phone = speaker.value?.phone;
  if (phone === undefined) return 'The server has not sent the list of phones yet.';
  await server.signIn({ client: clientOf(phone), phone });
  markOutdated(phone);
  return `The session of ${clientOf(phone)} is there again.`;
}
