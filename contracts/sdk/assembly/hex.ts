/** Hex text, lower case with 0x in front. */

export function hexOf(from: usize, length: i32): string {
  let text = "0x";
  for (let i = 0; i < length; i++) {
    const byte = load<u8>(from + i);
    text += "0123456789abcdef".charAt(byte >> 4) + "0123456789abcdef".charAt(byte & 15);
  }
  return text;
}

/** The digit's value; a character that is no hex digit traps. */
export function hexDigit(text: string, at: i32): u8 {
  const code = text.charCodeAt(at);
  if (code >= 48 && code <= 57) return <u8>(code - 48);
  const letter = code | 32;
  if (letter >= 97 && letter <= 102) return <u8>(letter - 87);
  throw new Error("not a hex digit");
}
