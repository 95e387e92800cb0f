/** Topics of a filter: by position a hash, a list of which one must match, or null for any. */
import { fromHex } from "../encoding/hex.ts";
import { Hash, list, nullable, someOf } from "./schemas.ts";

export type TopicsJson = readonly (string | readonly string[] | null)[];

export const Topics = list(someOf(Hash, list(Hash), nullable(Hash)), "an array of hashes, lists of hashes, and nulls");

export function parseTopics(topics: TopicsJson): (Uint8Array | Uint8Array[] | null)[] {
  return topics.map((topic) => {
    if (topic === null) return null;
    return typeof topic === "string" ? fromHex(topic)! : topic.map((choice) => fromHex(choice)!);
  });
}
