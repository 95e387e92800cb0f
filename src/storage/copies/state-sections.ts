/** The kinds of row in a state, by the tag that their keys begin with, in key order: the sections of an export. */
import { StateTag } from "../../encoding/state-key.ts";

export const SECTIONS = {
  accounts: StateTag.account,
  contracts: StateTag.contract,
  codes: StateTag.code,
  state: StateTag.state,
  parameters: StateTag.parameter,
  handles: StateTag.handle,
  codeNumbers: StateTag.codeNumber,
} as const;

export type Section = keyof typeof SECTIONS;

const BY_TAG = new Map<number, Section>(
  Object.entries(SECTIONS).map(([section, tag]) => [tag, section as Section] as const),
);

/** Undefined when no section has such keys. */
export function sectionOf(tag: number | undefined): Section | undefined {
  return tag === undefined ? undefined : BY_TAG.get(tag);
}

export interface SectionManifest {
  readonly rows: number;
  /** Of the section's lines, in hex. */
  readonly sha256: string;
}

/** What an export says first. Bytes as 0x hex; the whole block's entry in base64. */
export interface ExportHead {
  readonly polytorus: "state";
  readonly format: 1;
  readonly chainId: number;
  readonly seq: number;
  readonly height: number;
  readonly blockHash: string;
  readonly stateRoot: string;
  readonly timestampMs: number;
  readonly block: string;
}

/** And last. */
export interface ExportManifest {
  /** SHA-256 of the first line, in hex. */
  readonly head: string;
  readonly rows: number;
  readonly stateRoot: string;
  readonly sections: Partial<Record<Section, SectionManifest>>;
}
