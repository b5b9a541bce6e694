/** The records of the protocol as the conversation of `npm run dev` writes them: Erlang text, most fields unset. */

/** Makes the fields of a `'Profile'` in Erlang text; missing fields are `[]`. */
export interface ProfileText {
  readonly services?: string;
  readonly rosters?: string;
  readonly settings?: string;
  readonly update?: string;
  readonly balance?: string;
  readonly presence?: string;
}

/** Makes a `'Profile'` in Erlang text, with its 9 elements. @param phone - digits, or `''` for none. */
export function profile(phone: string, status: string, fields: ProfileText = {}): string {
  const { services = '[]', rosters = '[]', settings = '[]' } = fields;
  const { update = '[]', balance = '[]', presence = '[]' } = fields;
  const named = phone === '' ? '[]' : `<<"${phone}">>`;
  return `{'Profile',${named},${services},${rosters},${settings},${update},${balance},${presence},${status}}`;
}

export function roster(id: number, names: string, contacts: string): string {
  return `{'Roster',${id},<<"${names}">>,[],[],[],[${contacts}],[],[],[],[],[],0,[]}`;
}

export function contact(
  phoneId: string,
  names: string,
  news: { update?: string; presence?: string; status?: string } = {},
): string {
  const { update = '0', presence = '[]', status = '[]' } = news;
  return `{'Contact',<<"${phoneId}">>,[],<<"${names}">>,[],[],[],[],[],0,[],${update},[],${presence},${status}}`;
}

export function emailService(address: string, code: string, status: string): string {
  return `{'Service',<<"${address}">>,email,${code},[],[],[],${status}}`;
}
