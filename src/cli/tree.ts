/** The command tree as data: what `describe` prints and what completion scripts are generated from. */
import type { Argument, Command, Option } from "commander";

export interface CommandNode {
  /** Words after the program's name: ["contract", "ls"]. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly arguments: readonly ArgumentNode[];
  readonly options: readonly OptionNode[];
  readonly commands: readonly CommandNode[];
}

export interface ArgumentNode {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly isVariadic: boolean;
  readonly choices?: readonly string[];
}

export interface OptionNode {
  readonly long: string;
  readonly short?: string;
  readonly description: string;
  readonly takesValue: boolean;
  readonly isMandatory: boolean;
  readonly choices?: readonly string[];
  readonly fallback?: unknown;
}

export function treeOf(command: Command, path: readonly string[] = []): CommandNode {
  return {
    path,
    summary: command.summary() || command.description(),
    arguments: command.registeredArguments.map(argumentNode),
    options: command.options.filter((option) => !option.hidden).map(optionNode),
    commands: command.commands.map((child) => treeOf(child, [...path, child.name()])),
  };
}

function argumentNode(argument: Argument): ArgumentNode {
  return {
    name: argument.name(),
    description: argument.description,
    isRequired: argument.required,
    isVariadic: argument.variadic,
    ...(argument.argChoices === undefined ? {} : { choices: argument.argChoices }),
  };
}

function optionNode(option: Option): OptionNode {
  return {
    long: option.long ?? option.flags,
    ...(option.short === undefined ? {} : { short: option.short }),
    description: option.description,
    takesValue: option.required || option.optional,
    isMandatory: option.mandatory,
    ...(option.argChoices === undefined ? {} : { choices: option.argChoices }),
    ...(option.defaultValue === undefined ? {} : { fallback: option.defaultValue }),
  };
}

/** A node and all below it, parents first. */
export function flatten(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(flatten)];
}
