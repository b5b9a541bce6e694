/** The commands of `profilectl` and their options, read from its source: its program runs as it is imported. */
export function profilectlCommands(sources: readonly string[]): Map<string, Set<string>> {
  const commands = new Map<string, Set<string>>();
  for (const source of sources) {
    // Some options are constants that several commands of a file share, so a file's options count for each of them.
    const options = new Set([...source.matchAll(/['"`](--[a-z][a-z-]*)/g)].map(([, option = '']) => option));
    for (const [, name = ''] of source.matchAll(/export function (\w+)Command\(/g)) {
      commands.set(name, options);
      for (const [, sub = ''] of source.matchAll(/\.command\('([\w-]+)/g))
        commands.set(`${name} ${sub}`, options);
    }
  }
  return commands;
}
