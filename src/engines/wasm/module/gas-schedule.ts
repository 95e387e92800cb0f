/**
 * What instructions cost. The unit is one simple instruction: about a quarter of a nanosecond to one nanosecond of one core.
 * The prices say how many simple instructions the machine could have done instead, not what each compiler makes of it.
 * A change is a change of the protocol: METERING_VERSION.
 */
export const GAS = {
  /** block, loop, end, else, nop: no machine code. */
  structure: 0,
  /** Constants, locals, arithmetic, comparisons, conversions, branches. */
  simple: 1,
  /** Address, bounds, cache, and on stores the note of the page. */
  memoryAccess: 2,
  /** Integer division takes 10 to 18 cycles and checks for two traps. */
  division: 12,
  /** Float arithmetic carries the canonicalisation of its NaN. */
  float: 3,
  floatDivision: 12,
  /** A jump through a table that the branch predictor misses. */
  branchTable: 4,
  /** Entry and exit of a frame with its metering. */
  call: 8,
  /** And bounds and signature of the table's entry. */
  callIndirect: 12,
  /** Float to integer with its range check. */
  truncation: 4,
  /** A call into an appended function. */
  memoryOperation: 12,
} as const;

/** Clearing and faulting in 64 KiB, and the new memory that the next call needs when it outgrew this one. */
export const GAS_PER_GROWN_PAGE = 16_384;

/** memory.copy and memory.fill: 8 bytes for one unit, rounded down. */
export const BULK_BYTES_SHIFT = 3;

/** Four locals are cleared at entry for one unit. */
export const CLEARED_LOCALS_SHIFT = 2;

/** The height that `$stack` starts with. Deepest native use is a sixth of V8's default stack of 984 KB. */
export const STACK_HEIGHT_MAX = 20_000;

/** What a frame takes beside its parameters, locals and operands: return address, frame pointer, instance, added locals. */
export const FRAME_HEIGHT = 8;
