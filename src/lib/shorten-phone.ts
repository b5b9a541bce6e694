/** `380…233` for `380501112233`: enough to find a line, too little to call the number. */
export function shortenPhone(phone: string): string {
  return phone.length <= 6 ? '…' : `${phone.slice(0, 3)}…${phone.slice(-3)}`;
}
