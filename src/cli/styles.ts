/** Colour where it helps a person, nowhere else: only on a terminal, never with NO_COLOR (no-color.org) or --no-color. */
import { styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

export interface Styles {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

export function stylesFor(stream: { isTTY?: boolean }, environment: NodeJS.ProcessEnv): Styles {
  const isColoured = stream.isTTY === true && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
  const paint = (format: Format) => (text: string) => (isColoured ? styleText(format, text) : text);
  return { bold: paint("bold"), dim: paint("dim"), good: paint("green"), bad: paint("red"), warn: paint("yellow") };
}
