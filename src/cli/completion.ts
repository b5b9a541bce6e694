import { Argument, Command, type Option } from 'commander';
import type { Terminal } from './terminal.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** `profilectl completion <shell>`: a completion script, generated from the commands. */
export function completionCommand(program: Command, terminal: Terminal): Command {
  return new Command('completion')
    .description('print a script that lets the shell complete commands, options and their values')
    .addArgument(new Argument('<shell>').choices(shells))
    .action((shell: Shell) => terminal.print(scripts[shell](pathsOf(program))))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(profilectl completion bash)
  $ source <(profilectl completion zsh)    # after compinit
  $ profilectl completion fish > ~/.config/fish/completions/profilectl.fish`,
    );
}

/** The words that may follow each command, and its options that take a value. */
type Paths = readonly (readonly [path: string, words: readonly string[], valued: readonly Option[]])[];

function pathsOf(command: Command, above: readonly string[] = []): Paths {
  const words = [
    ...command.commands.map((child) => child.name()),
    ...command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
    ...command.options.flatMap((option) => option.long ?? []),
    '--help',
  ];
  const valued = command.options.filter(({ required, optional }) => required || optional);
  const own = [above.join(' '), words, valued] as const;
  return [own, ...command.commands.flatMap((child) => pathsOf(child, [...above, child.name()]))];
}

const bash = (paths: Paths): string => `_profilectl() {
  local current=\${COMP_WORDS[COMP_CWORD]} path= word
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case "\${path:+$path }$word" in
      ${paths
        .slice(1)
        .map(([path]) => `'${path}'`)
        .join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path \${COMP_WORDS[COMP_CWORD - 1]}" in
${paths.flatMap(([path, , valued]) => valued.map((option) => `    '${path} ${option.long}') COMPREPLY=(${chosen(option)}); return ;;`)).join('\n')}
  esac
  case "$path" in
${paths.map(([path, words]) => `    '${path}') COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$current")) ;;`).join('\n')}
  esac
}
complete -o default -F _profilectl profilectl`;

/** The shell offers files where a value is none of a few. */
const chosen = ({ argChoices }: Option): string =>
  argChoices === undefined ? '' : `$(compgen -W '${argChoices.join(' ')}' -- "$current")`;

const fish = (paths: Paths): string =>
  paths
    .flatMap(([path, words, valued]) => {
      const parts = path === '' ? [] : path.split(' ');
      const deeper = paths
        .map(([other]) => other.split(' '))
        .filter((other) => other.length === parts.length + 1 && other.slice(0, -1).join(' ') === path)
        .map((other) => other.at(-1) ?? '')
        .filter((word) => word !== '');
      const seen = parts.map((part) => `__fish_seen_subcommand_from ${part}`);
      const unseen = deeper.length === 0 ? [] : [`not __fish_seen_subcommand_from ${deeper.join(' ')}`];
      const condition = [...seen, ...unseen].join('; and ');
      return words.map((word) => {
        if (!word.startsWith('--')) return `complete -c profilectl -n '${condition}' -f -a ${word}`;
        const option = valued.find(({ long }) => long === word);
        const choices = option?.argChoices;
        const value = option === undefined ? '' : choices ? ` -x -a '${choices.join(' ')}'` : ' -r';
        return `complete -c profilectl -n '${condition}' -l ${word.slice(2)}${value}`;
      });
    })
    .join('\n');

const scripts: Record<Shell, (paths: Paths) => string> = {
  bash,
  zsh: (paths) => `autoload -U +X bashcompinit && bashcompinit\n${bash(paths)}`,
  fish,
};
