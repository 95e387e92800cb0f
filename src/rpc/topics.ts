/** Topics of a filter: by position a hash, a list of which one must match, or null for any. */

import * as Type from "typebox";
import { fromHex } from "../encoding/hex.ts";
import { Hash, list } from "./schemas.ts";

export type TopicsJson = readonly (string | readonly string[] | null)[];

const Topic = Type.Union([Hash, list(Hash), Type.Null()], {
  description: "32 bytes as 0x and 64 hex digits, a list of such, or null",
});

export const Topics = list(Topic, "an array of hashes, lists of hashes, and nulls");

export function parseTopics(topics: TopicsJson): (Uint8Array | Uint8Array[] | null)[] {
  return topics.map((topic) => {
    if (topic === null) return null;
    return typeof topic === "string" ? fromHex(topic)! : topic.map((choice) => fromHex(choice)!);
  });
}
