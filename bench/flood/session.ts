/** A phone's session: what it logs in with, and what its token level holds. */
export interface Session {
  readonly client: string;
  readonly phone: string;
  readonly token: string;
}

/** Where it publishes requests. The plugin of the broker writes the client level anew; without it the token counts. */
export const topicOf = ({ client, token }: Pick<Session, 'client' | 'token'>): string =>
  `events/1//api/anon/${client}/${token}`;

/** Whether an answer is a `{'Profile',…}` of 9 elements; a refusal has 3. */
export const isProfile = (answer: Buffer): boolean => answer[1] === 104 && answer[2] === 9;
