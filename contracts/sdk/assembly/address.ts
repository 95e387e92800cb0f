/** A 20-byte address. Immutable; the object is its bytes in order, so `pointer` can be handed to the host. */
import { hexDigit, hexOf } from "./hex";

@final
export class Address {
  /** 20 zero bytes. */
  static readonly ZERO: Address = new Address();
  static readonly BYTES: i32 = 20;

  private first: u64 = 0;
  private second: u64 = 0;
  private third: u32 = 0;

  static load(from: usize): Address {
    const address = new Address();
    address.first = load<u64>(from);
    address.second = load<u64>(from, 8);
    address.third = load<u32>(from, 16);
    return address;
  }

  /** @param text 0x and 40 hex digits; anything else traps. */
  static parse(text: string): Address {
    if (text.length != 42 || !text.startsWith("0x")) throw new Error("an address is 0x and 40 hex digits");
    const address = new Address();
    for (let i = 0; i < 20; i++) {
      const byte = (hexDigit(text, 2 + 2 * i) << 4) | hexDigit(text, 3 + 2 * i);
      store<u8>(address.pointer + i, byte);
    }
    return address;
  }

  get pointer(): usize {
    return changetype<usize>(this);
  }

  get isZero(): bool {
    return (this.first | this.second | this.third) == 0;
  }

  @operator("==")
  equals(other: Address): bool {
    return this.first == other.first && this.second == other.second && this.third == other.third;
  }

  @operator("!=")
  differs(other: Address): bool {
    return !this.equals(other);
  }

  store(to: usize): void {
    store<u64>(to, this.first);
    store<u64>(to, this.second, 8);
    store<u32>(to, this.third, 16);
  }

  /** As a word of the ABI: 12 zero bytes, then the address. */
  storeWord(to: usize): void {
    store<u64>(to, 0);
    store<u32>(to, 0, 8);
    this.store(to + 12);
  }

  /** 0x and lower-case hex. */
  toString(): string {
    return hexOf(this.pointer, 20);
  }
}
