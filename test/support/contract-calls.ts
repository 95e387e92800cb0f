/** Accounts and expectations that the tests of contracts share. */
import { expect } from "vitest";
import type { TestContract } from "../../contracts/sdk/testing/test-chain.ts";

export const alice = `0x${"a1".repeat(20)}`;
export const bob = `0x${"b0".repeat(20)}`;
export const carol = `0x${"ca".repeat(20)}`;
export const nobody = `0x${"00".repeat(20)}`;

export interface ExpectedCall {
  readonly from: string;
  readonly value?: bigint;
  readonly result?: unknown;
  /** Name and arguments of the error that it reverts with; nothing is written or logged. */
  readonly error?: readonly [name: string, args: Record<string, unknown>];
  readonly events?: readonly (readonly [event: string, args: Record<string, unknown>])[];
}

/** Runs a transaction and holds it to all of what it is said to do. */
export function expectCall(
  contract: TestContract,
  entrypoint: string,
  args: readonly unknown[],
  expected: ExpectedCall,
): void {
  const before = contract.stored();
  const report = contract.call(entrypoint, args, { from: expected.from, value: expected.value ?? 0n });
  if (expected.error !== undefined) {
    expect(report).toMatchObject({ status: "reverted", events: [] });
    expect([report.error?.name, report.error?.args]).toEqual(expected.error);
    expect(contract.stored()).toEqual(before);
    return;
  }
  expect(report).toMatchObject({ status: "success" });
  if (expected.result !== undefined) expect(report.result).toEqual(expected.result);
  if (expected.events !== undefined) {
    expect(report.events.map(({ event, args: named }) => [event, named])).toEqual(expected.events);
  }
}
