/**
 * Submessages: what a contract asked for is carried out one after the other, each in a frame that can fail alone, and the
 * contract is told of the outcome if it wanted to (wasmd, x/wasm/keeper/msg_dispatcher.go).
 *   response ──▶ message ──▶ MessageRunner ──▶ success: events, data ─┐ reply_on
 *                                          └─▶ failure: rolled back ──┴──▶ reply ──▶ its own response, from the top
 * Always
 *  - A failure that no reply was asked for fails the frame that sent the message.
 *  - The last reply that sets data decides the frame's data.
 */
import { Halt } from "../../../execution/gas.ts";
import type { SubMessageResult } from "./env.ts";
import type { EventJournal } from "./events.ts";
import type { MessageRunner } from "./message-runner.ts";
import type { ReplyOn, Response, SubMessage } from "./response.ts";

/**
 * Responses that wait for their submessages, on top of each other in one transaction. Replies nest without frames of their
 * own, so that the chain's limit of frames does not bound them.
 */
export const DISPATCH_DEPTH_MAX = 64;

/** A failed frame: what it reverts with. */
export interface Failure {
  readonly revertData: Uint8Array;
}

/** How deep dispatching is nested, shared by all contracts that run on a thread. */
export interface DispatchDepth {
  current: number;
}

export interface Replier {
  /** Runs the contract's `reply`, and what it asked for. */
  reply(submessage: SubMessage, gasUsed: number, result: SubMessageResult): Response | Failure;
}

function wantsReply(replyOn: ReplyOn, isSuccess: boolean): boolean {
  return replyOn === "always" || replyOn === (isSuccess ? "success" : "error");
}

/** @returns the frame's data after all submessages, or how the frame fails. @throws Halt CallDepth */
export function dispatch(
  response: Response,
  runner: MessageRunner,
  replier: Replier,
  journal: EventJournal,
  depth: DispatchDepth,
): { readonly data: Uint8Array | undefined } | Failure {
  let { data } = response;
  if (response.messages.length === 0) return { data };
  if (depth.current >= DISPATCH_DEPTH_MAX) throw new Halt("CallDepth");
  depth.current++;
  try {
    for (const submessage of response.messages) {
      const mark = journal.length;
      const outcome = runner.run(submessage.message, submessage.gasLimit);
      const isSuccess = "response" in outcome;
      if (!isSuccess && !wantsReply(submessage.replyOn, false)) return { revertData: outcome.revertData };
      if (!wantsReply(submessage.replyOn, isSuccess)) continue;
      // wasmd tells of the events of contracts only.
      const isOfContract = submessage.message.kind !== "send" && submessage.message.kind !== "burn";
      const result: SubMessageResult = isSuccess
        ? { events: isOfContract ? journal.since(mark) : [], response: outcome.response }
        : { error: outcome.error };
      const reply = replier.reply(submessage, outcome.gasUsed, result);
      if ("revertData" in reply) return reply;
      const nested = dispatch(reply, runner, replier, journal, depth);
      if ("revertData" in nested) return nested;
      data = nested.data ?? data;
    }
  } finally {
    depth.current--;
  }
  return { data };
}
