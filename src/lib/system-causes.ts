/** Explanations of errors of the machine, by the codes of the system. */
const causes: Readonly<Record<string, string>> = {
  EMFILE: 'this process has no file descriptors left (ulimit -n, LimitNOFILE)',
  ENFILE: 'this machine has no file descriptors left (fs.file-max)',
  ENOSPC: 'the disk is full',
  ENOMEM: 'there is no memory left',
  ENOBUFS: 'there is no memory left for sockets',
  EADDRNOTAVAIL: 'there are no local ports left (net.ipv4.ip_local_port_range)',
};

/** @returns the explanation and the code; `undefined` for another error. */
export function systemCause(code: unknown): string | undefined {
  const words = typeof code === 'string' ? causes[code] : undefined;
  return words === undefined ? undefined : `${words} (${code})`;
}
