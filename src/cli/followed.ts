/** Events for a command, until it is interrupted; what interrupts the connection is said on stderr. */
import type { EventSelectionJson, EventType, StreamedEvent } from "../client/methods.ts";
import type { CommandContext } from "./context.ts";

export function followed<T extends EventType>(
  { remote, output }: CommandContext,
  selection: EventSelectionJson & { readonly types: readonly T[] },
): AsyncIterable<StreamedEvent<T>> {
  return remote.subscribe(selection, {
    onInterrupted: ({ message }, retryMs) => output.talk(`${message}; trying again in ${retryMs} ms`),
  });
}
