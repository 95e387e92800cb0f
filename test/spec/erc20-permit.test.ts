/** Approval by signature: ERC-2612. The signatures are made by another library than the one that checks them. */
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import {
  alice,
  bob,
  carol,
  describeLogs,
  describeRevert,
  Erc20Fixture,
  UINT256_MAX,
} from "../support/erc20-scenario.ts";
import { InlineChain } from "../support/inline-chain.ts";
import { domainSeparatorOf, type Permit, signPermit, wallet } from "../support/permit-signer.ts";

const owner = wallet(7);
const other = wallet(8);
const CHAIN_ID = 4242;
const NOW_MS = 1_700_000_000_999;
const NOW = 1_700_000_000n;

function token(name = "Token") {
  const fixture = new Erc20Fixture({ name }, {}, new InlineChain({ chainId: CHAIN_ID, timestampMs: NOW_MS }));
  const domain = { name, chainId: CHAIN_ID, verifyingContract: fixture.address };
  const permit: Permit = { owner: owner.address, spender: bob, value: 5n, nonce: 0n, deadline: NOW };
  const submit = (args: readonly unknown[]) => fixture.send({ from: carol, entrypoint: "permit", args });
  return { fixture, domain, permit, submit };
}

describe("permit", () => {
  it.each(["Token", "Ein Name von mehr als 31 Byte, mit Ünicode", ""])(
    "sets the allowance that the owner signed, whoever sends it (name %j)",
    (name) => {
      const { fixture, domain, permit, submit } = token(name);
      const receipt = submit(signPermit(owner, domain, permit));
      expect(receipt.status).toBe("success");
      expect(describeLogs(receipt)).toEqual([["Approval", owner.address, bob, "5"]]);
      fixture.expectState({ allowances: { [owner.address]: { [bob]: 5n } } });
      expect(fixture.view("nonces", owner.address)).toBe("1");
    },
  );

  it("holds once: the nonce is part of what was signed", () => {
    const { domain, permit, submit } = token();
    const args = signPermit(owner, domain, permit);
    expect(submit(args).status).toBe("success");
    expect(describeRevert(submit(args))?.name).toBe("ERC2612InvalidSigner");
    expect(submit(signPermit(owner, domain, { ...permit, nonce: 1n })).status).toBe("success");
  });

  it("may be used in the second of its deadline, not in the next", () => {
    const { fixture, domain, permit, submit } = token();
    const args = signPermit(owner, domain, permit);
    fixture.chain.timestampMs = NOW_MS + 1;
    const late = submit(args);
    expect(describeRevert(late)).toMatchObject({ name: "ERC2612ExpiredSignature", args: { deadline: String(NOW) } });
    fixture.chain.timestampMs = NOW_MS;
    expect(submit(args).status).toBe("success");
  });

  it("without limit in time and amount is a permit, too", () => {
    const { fixture, domain, permit, submit } = token();
    const args = signPermit(owner, domain, { ...permit, value: UINT256_MAX, deadline: UINT256_MAX });
    expect(submit(args).status).toBe("success");
    fixture.expectState({ allowances: { [owner.address]: { [bob]: UINT256_MAX } } });
  });

  it("by another than the owner is refused, and uses no nonce", () => {
    const { fixture, domain, permit, submit } = token();
    const receipt = submit(signPermit(other, domain, permit));
    const args = { signer: other.address, owner: owner.address };
    expect(describeRevert(receipt)).toMatchObject({ name: "ERC2612InvalidSigner", args });
    expect(fixture.view("nonces", owner.address)).toBe("0");
  });

  it.each([
    ["another chain", { chainId: CHAIN_ID + 1 }],
    ["another contract", { verifyingContract: alice }],
    ["another name", { name: "Other" }],
  ])("for %s is refused", (_, difference) => {
    const { domain, permit, submit } = token();
    expect(describeRevert(submit(signPermit(owner, { ...domain, ...difference }, permit)))?.name).toBe(
      "ERC2612InvalidSigner",
    );
  });

  it("with the signature's twin (high s) is refused", () => {
    const { domain, permit, submit } = token();
    const args = signPermit(owner, domain, permit, { highS: true });
    expect(describeRevert(submit(args))).toMatchObject({ name: "ECDSAInvalidSignatureS", args: { s: args[6] } });
  });

  it.each([
    ["v is neither 27 nor 28", 4, 26],
    ["v is 0 or 1", 4, 1],
    ["r is zero", 5, `0x${"00".repeat(32)}`],
    ["r is over the curve's order", 5, `0x${"ff".repeat(32)}`],
    ["s is zero", 6, `0x${"00".repeat(32)}`],
  ])("is no signature when %s", (_, index, value) => {
    const { domain, permit, submit } = token();
    const args = signPermit(owner, domain, permit);
    args[index] = value;
    expect(describeRevert(submit(args))?.name).toBe("ECDSAInvalidSignature");
  });

  it("for the zero address as spender is refused after the signature was checked", () => {
    const { domain, permit, submit } = token();
    const args = signPermit(owner, domain, { ...permit, spender: `0x${"00".repeat(20)}` });
    expect(describeRevert(submit(args))?.name).toBe("ERC20InvalidSpender");
  });
});

describe("the domain", () => {
  it("is that of EIP-712, version 1, with the chain's id and the contract's address", () => {
    const { fixture, domain } = token();
    expect(fixture.view("DOMAIN_SEPARATOR")).toBe(toHex(domainSeparatorOf(domain)));
  });

  it("is described as ERC-5267 says", () => {
    const { fixture } = token();
    const salt = `0x${"00".repeat(32)}`;
    expect(fixture.view("eip712Domain")).toEqual(["0x0f", "Token", "1", String(CHAIN_ID), fixture.address, salt, []]);
  });
});
