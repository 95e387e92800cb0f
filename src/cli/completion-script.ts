/**
 * Completion scripts. Bash and zsh share one word list by command path; zsh loads it through bashcompinit, so that there
 * is one thing to get right. Fish has conditions of its own.
 */
import { type CommandNode, flatten } from "./tree.ts";

export const COMPLETION_SHELLS = ["bash", "zsh", "fish"] as const;
export type CompletionShell = (typeof COMPLETION_SHELLS)[number];

export function completionScript(shell: CompletionShell, program: string, tree: CommandNode): string {
  switch (shell) {
    case "bash":
      return bashScript(program, tree);
    case "zsh":
      return `#compdef ${program}\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(program, tree)}`;
    case "fish":
      return fishScript(program, tree);
  }
}

/** Words that may follow a command: sub-commands, choices of its first argument, options. */
function wordsAfter(node: CommandNode): string[] {
  return [
    ...node.commands.map(({ path }) => path.at(-1)!),
    ...(node.arguments[0]?.choices ?? []),
    ...node.options.map(({ long }) => long),
    "--help",
  ];
}

function bashScript(program: string, tree: CommandNode): string {
  const cases = flatten(tree).map((node) => `    "${node.path.join(" ")}") words="${wordsAfter(node).join(" ")}" ;;`);
  const choices = new Map<string, string>();
  for (const node of flatten(tree))
    for (const option of node.options)
      if (option.choices !== undefined) choices.set(option.long, option.choices.join(" "));
  const values = [...choices].map(
    ([long, words]) => `    ${long}) COMPREPLY=($(compgen -W "${words}" -- "$current")); return ;;`,
  );
  const groups = flatten(tree).filter(({ commands }) => commands.length > 0);
  const isGroup = groups
    .flatMap(({ path, commands }) => commands.map((child) => `"${[...path, child.path.at(-1)!].join(" ")}"`))
    .join("|");
  return `# ${program} completion; source it, or install it where your shell looks for completions
_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="" path="" next words word
  [ "$COMP_CWORD" -gt 0 ] && previous="\${COMP_WORDS[COMP_CWORD-1]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${path:+$path }$word"
    case "$next" in
      ${isGroup}) path="$next" ;;
    esac
  done
  case "$previous" in
${values.join("\n")}
    --config|--data-dir|--genesis|--ipc) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$path" in
${cases.join("\n")}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${program} ${program}
`;
}

function fishScript(program: string, tree: CommandNode): string {
  const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = [`# ${program} completion; save it as ~/.config/fish/completions/${program}.fish`];
  for (const node of flatten(tree)) {
    const children = node.commands.map(({ path }) => path.at(-1)!);
    const seen = node.path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const unseen = children.length === 0 ? [] : [`not __fish_seen_subcommand_from ${children.join(" ")}`];
    const when = [...seen, ...unseen].join("; and ");
    const condition = when === "" ? "" : ` -n ${quote(when)}`;
    for (const child of node.commands)
      lines.push(`complete -c ${program} -f${condition} -a ${child.path.at(-1)!} -d ${quote(child.summary)}`);
    for (const choice of node.arguments[0]?.choices ?? [])
      lines.push(`complete -c ${program} -f${condition} -a ${quote(choice)}`);
    for (const { long, short, description, takesValue, choices } of node.options) {
      const letter = short === undefined ? "" : ` -s ${short.slice(1)}`;
      const values = choices === undefined ? "" : ` -f -a ${quote(choices.join(" "))}`;
      lines.push(
        `complete -c ${program}${condition} -l ${long.slice(2)}${letter}${takesValue ? " -r" : ""}${values} -d ${quote(description)}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}
