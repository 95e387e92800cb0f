import { expect, it } from "vitest";
import { readableKey } from "../../src/client/readable-key.ts";

const hexOf = (text: string) => Buffer.from(text).toString("hex");

it.each([
  [`0x${hexOf("totalSupply")}`, "totalSupply"],
  [`0x${hexOf("bal:")}70997970c51812dc3a010c7d01b50e0d17dc79c8`, "bal:0x70997970c51812dc3a010c7d01b50e0d17dc79c8"],
  [`0x${hexOf("bal:")}f39fd6e51aad88f6f4ce6ab8827279cfffb92266`, "bal:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"],
  [`0x${hexOf("config")}00ff`, "config0x00ff"],
  ["0x6100ff", "0x6100ff"],
  ["0x", "0x"],
])("%s reads as %s", (key, text) => {
  expect(readableKey(key)).toBe(text);
});
