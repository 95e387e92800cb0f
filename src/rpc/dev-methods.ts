/**
 * dev_*: what whoever develops a contract wants of a chain of their own. Without --dev each answers DEV_ONLY. There is no method to
 * act as somebody else: with --dev the sender that a transaction names is taken at its word.
 */
import { toHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import type { DevService } from "./dev.ts";
import { ALICE, STATE_ROOT } from "./examples.ts";
import { define, type MethodContext, type MethodTable, requireAddress } from "./method.ts";
import { closed, Decimal, Hash, list, optional, Text, Whole } from "./schemas.ts";
import { invalid } from "./validate.ts";

const BLOCKS_MAX = 1_000;
/** As writes: what was sent before is done before. */
const DEV = { role: "deployer", blockMode: "auto", isOrdered: true } as const;
const Time = closed({ timestampMs: Whole, offsetMs: { ...Whole, minimum: Number.MIN_SAFE_INTEGER } });
const TIME = { timestampMs: 1_748_865_600_000, offsetMs: 86_400_000 };
const BLOCK = { height: 2, stateRoot: STATE_ROOT };

export const DEV_METHODS = {
  dev_accounts: define("dev_accounts", {
    role: "reader",
    description: "The accounts of development: names, addresses, nonces and native balances. Their keys are public.",
    params: closed({}),
    result: closed({ items: list(closed({ name: Text, address: Text, nonce: Whole, balance: Decimal })) }),
    example: { params: {}, result: { items: [{ name: "alice", address: ALICE, nonce: 0, balance: "10000" }] } },
    async handle(_params, context) {
      const { accounts } = devOf(context, "dev_accounts");
      const items = accounts.map(async ({ name, address }) => {
        const bytes = requireAddress(address, "address");
        const { nonce, balance } = await context.service.account(bytes);
        return { name, address: toHex(bytes), nonce, balance: String(balance) };
      });
      return { items: await Promise.all(items) };
    },
  }),

  dev_snapshot: define("dev_snapshot", {
    ...DEV,
    description:
      "Notes the chain as it is, to come back to with dev_revert as long as the blocks since are in the retained window. Kept until the daemon stops; of 1,024 the oldest is forgotten.",
    params: closed({}),
    result: closed({ snapshotId: Text, height: Whole, stateRoot: Hash }),
    example: { params: {}, result: { snapshotId: "1", ...BLOCK } },
    async handle(_params, context) {
      const { id, block } = await devOf(context, "dev_snapshot").snapshot();
      return { snapshotId: id, height: block.height, stateRoot: toHex(block.stateRoot) };
    },
  }),

  dev_revert: define("dev_revert", {
    ...DEV,
    description: "Takes chain and clock back to a snapshot, which is then used up, with those taken after it.",
    params: closed({ snapshotId: Text }),
    result: closed({ height: Whole, stateRoot: Hash }),
    example: { params: { snapshotId: "1" }, result: BLOCK },
    async handle({ snapshotId }, context) {
      const { height, stateRoot } = await devOf(context, "dev_revert").revert(snapshotId);
      return { height, stateRoot: toHex(stateRoot) };
    },
  }),

  dev_increaseTime: define("dev_increaseTime", {
    ...DEV,
    description: "Puts the clock that new blocks get their time from forward, for as long as the daemon runs.",
    params: closed({ ms: Whole }),
    result: Time,
    example: { params: { ms: 86_400_000 }, result: TIME },
    handle: ({ ms }, context) => devOf(context, "dev_increaseTime").increaseTime(ms),
  }),

  dev_setNextBlockTimestamp: define("dev_setNextBlockTimestamp", {
    ...DEV,
    description: "The next block gets this time, no earlier than the newest block's; the clock goes on from there.",
    params: closed({ timestampMs: Whole }),
    result: Time,
    example: { params: { timestampMs: TIME.timestampMs }, result: TIME },
    handle: ({ timestampMs }, context) =>
      devOf(context, "dev_setNextBlockTimestamp").setNextBlockTimestamp(timestampMs),
  }),

  dev_mine: define("dev_mine", {
    ...DEV,
    description: "Makes empty blocks, one by default: for contracts that look at height or time.",
    params: closed({ blocks: optional(Whole) }),
    result: closed({ height: Whole, timestampMs: Whole, stateRoot: Hash }),
    example: { params: {}, result: { ...BLOCK, timestampMs: TIME.timestampMs } },
    async handle({ blocks = 1 }, context) {
      const dev = devOf(context, "dev_mine");
      if (blocks < 1 || blocks > BLOCKS_MAX) throw invalid("blocks", `1 to ${BLOCKS_MAX}`, blocks);
      const { height, timestampMs, stateRoot } = await dev.mine(blocks);
      return { height, timestampMs, stateRoot: toHex(stateRoot) };
    },
  }),
} satisfies Partial<MethodTable>;

function devOf({ dev }: MethodContext, method: string): DevService {
  if (dev !== undefined) return dev;
  throw new EngineError("DEV_ONLY", `${method} is there with --dev alone; this daemon was started without`, { method });
}
