/** What is said when a log has not answered in time: whether a block will count is settled when it does. */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { toHex } from "../encoding/hex.ts";
import { EngineError, StorageError } from "../errors.ts";
import type { Submission } from "./batch.ts";
import type { Release } from "./commit-queue.ts";

const RETRY_AFTER_MS = 1_000;

export function outcomeUnknown(waitMs: number, { height }: BlockEntry): EngineError {
  return new EngineError(
    "OUTCOME_UNKNOWN",
    `the log has not said within ${waitMs} ms whether it has block ${height}, which comes first: this may be in the chain later, or not`,
    { retryable: false, waitedMs: waitMs, blockHeight: height },
  );
}

/** Who submitted is told when entry `seq` is durable, or that it is overdue, with what its transactions can be asked for. */
export function releaseOf(submissions: readonly Submission[], seq: number): Release {
  return {
    seq,
    release: () => {
      for (const submission of submissions) submission.sink.settle(submission);
    },
    fail: (problem) => {
      for (const submission of submissions) submission.sink.fail(problem);
    },
    overdue: (problem) => {
      for (const submission of submissions) submission.overdue(withHashes(problem, submission));
    },
  };
}

function withHashes({ code, message, facts }: EngineError, submission: Submission): EngineError {
  const transactionHashes: (string | null)[] = [];
  for (let index = 0; index < submission.count; index++) {
    const block = submission.block(index);
    transactionHashes.push(block === undefined ? null : toHex(block.transactionHash(submission.position(index))));
  }
  return new EngineError(code, message, { ...facts, transactionHashes });
}

/** A read can be asked again. */
export function readOverdue({ message, facts }: EngineError): StorageError {
  return new StorageError(`what would be answered waits for a block: ${message}`, {
    ...facts,
    retryable: true,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/** Nothing that comes after the block may begin. */
export function blockUnderWay(height: number): EngineError {
  return new EngineError("BUSY", `it is not known yet whether the log has block ${height}; nothing of this ran`, {
    retryAfterMs: RETRY_AFTER_MS,
    blockHeight: height,
  });
}
