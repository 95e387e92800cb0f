import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { type StateTree, stateProofJson } from "../../src/encoding/state-tree.ts";
import { MalformedBytesError, StorageError } from "../../src/errors.ts";
import { type Addon, loadAddon } from "../../src/native/addon.ts";
import { NativeStateTree } from "../../src/native/state-tree.ts";
import { verifyStateProof } from "../../src/verify/verify.ts";
import { describeWith } from "../support/describe-with.ts";
import { NATIVE } from "../support/need.ts";
import {
  change,
  delta,
  disposeTrees,
  naiveRoot,
  nativeReadAhead,
  treeImplementations,
} from "../support/state-trees.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const EMPTY_ROOT = `0x${"00".repeat(32)}`;
/** From Python's hashlib, after the definition in src/encoding/state-tree.ts. */
const ONE_KEY_ROOT = "0x565388d4bc00257133f799d9366ac97f6e949c18acc53d17457f8859ba0f08d3";
const THREE_KEYS_ROOT = "0x8e2a164a410203f51300d7c6645b7a37f549768457be109acc126c63573a9e0a";

const meta = Buffer.from("height 7");
const addon = loadAddon() as Addon;

function treeOf(tree: StateTree, keys: Record<string, string>): StateTree {
  tree.apply(delta(...Object.entries(keys).map(([key, value]) => change(key, value))), "forward");
  return tree;
}

for (const implementation of [...treeImplementations, ...(NATIVE.isMet ? [nativeReadAhead] : [])]) {
  describe(`state tree (${implementation.name})`, () => {
    const { create, load } = implementation;
    afterEach(() => implementation.dispose());

    it("has 32 zero bytes as the root of nothing", () => {
      expect(toHex(create().root())).toBe(EMPTY_ROOT);
      expect(create().leafCount()).toBe(0);
    });

    it("has the roots that the definition gives", () => {
      expect(toHex(treeOf(create(), { a: "1" }).root())).toBe(ONE_KEY_ROOT);
      expect(toHex(treeOf(create(), { a: "1", b: "2", c: "3" }).root())).toBe(THREE_KEYS_ROOT);
    });

    it("answers the new root and counts keys, not writes", () => {
      const tree = create();
      const root = tree.apply(delta(change("a", "1"), change("b", "2")), "forward");
      expect(root).toEqual(tree.root());
      tree.apply(delta(change("a", "3", "1")), "forward");
      expect(tree.leafCount()).toBe(2);
    });

    it("is back at the former root when a block is taken back", () => {
      const tree = treeOf(create(), { a: "1", b: "2", c: "3" });
      const before = tree.root();
      const block = delta(change("a", "4", "1"), change("b", undefined, "2"), change("d", "5"));
      expect(tree.apply(block, "forward")).not.toEqual(before);
      expect(tree.apply(block, "backward")).toEqual(before);
      expect(tree.leafCount()).toBe(3);
    });

    it("is empty again when every key is deleted", () => {
      const tree = treeOf(create(), { a: "1", b: "2", c: "3" });
      tree.apply(
        delta(change("a", undefined, "1"), change("b", undefined, "2"), change("c", undefined, "3")),
        "forward",
      );
      expect(toHex(tree.root())).toBe(EMPTY_ROOT);
      expect(tree.leafCount()).toBe(0);
    });

    it("keeps its root when an absent key is deleted, in place of nothing or beside a leaf", () => {
      const tree = create();
      expect(toHex(tree.apply(delta(change("x")), "forward"))).toBe(EMPTY_ROOT);
      const root = treeOf(tree, { a: "1" }).root();
      expect(tree.apply(delta(change("x"), change("y")), "forward")).toEqual(root);
    });

    it("lets one block delete the only key and write another", () => {
      const tree = treeOf(create(), { a: "1" });
      tree.apply(delta(change("a", undefined, "1"), change("b", "2")), "forward");
      expect(tree.root()).toEqual(naiveRoot(new Map([["b", "2"]])));
      expect(tree.leafCount()).toBe(1);
    });

    it("keeps an empty value apart from an absent one", () => {
      expect(treeOf(create(), { a: "" }).root()).toEqual(naiveRoot(new Map([["a", ""]])));
    });

    it("takes an empty delta as a block that changed nothing", () => {
      const tree = treeOf(create(), { a: "1" });
      expect(tree.apply(new Uint8Array(), "forward")).toEqual(tree.root());
    });

    it("hashes keys and values of every length around a hash block's edges", () => {
      const state = new Map(
        [0, 1, 54, 55, 56, 63, 64, 118, 119, 120, 183, 247, 248, 300, 5000].map((n) => [
          "k".repeat(n + 1),
          "v".repeat(n),
        ]),
      );
      expect(treeOf(create(), Object.fromEntries(state)).root()).toEqual(naiveRoot(state));
    });

    it("refuses a delta that names a key twice, saying where, and stays as it was", () => {
      const tree = treeOf(create(), { a: "1" });
      const root = tree.root();
      const twice = delta(change("b", "1"), change("a", "2"), change("b", "3"));
      // Each record stands in a group of 11 bytes, 6 bytes after the group's beginning.
      expect(() => tree.apply(twice, "forward")).toThrow(
        new MalformedBytesError("delta", 28, "this record's key occurs before"),
      );
      expect(tree.root()).toEqual(root);
    });

    it("takes the last value of a key that several blocks write, and refuses one of them that names a key twice", () => {
      const tree = treeOf(create(), { a: "1", b: "1" });
      const blocks = [
        delta(change("a", "2")),
        delta(change("b"), change("a")),
        delta(change("c", "3"), change("a", "4")),
      ];
      expect(tree.applyAll(blocks)).toEqual(naiveRoot(new Map(Object.entries({ a: "4", c: "3" }))));
      expect(tree.leafCount()).toBe(2);
      const twice = delta(change("b", "1"), change("a", "2"), change("b", "3"));
      expect(() => tree.applyAll([...blocks, twice, ...blocks])).toThrow(
        new MalformedBytesError("delta", 28, "this record's key occurs before"),
      );
    });

    it("refuses a delta that is cut anywhere, and stays as it was", () => {
      const tree = treeOf(create(), { a: "1" });
      const root = tree.root();
      const whole = delta(change("a", "2", "1"), change("abc", "x".repeat(300), undefined));
      // 12 bytes is the first group alone, which is a delta.
      for (let length = 1; length < whole.length; length++) {
        if (length !== 12) expect(() => tree.apply(whole.subarray(0, length), "forward")).toThrow(MalformedBytesError);
      }
      expect(tree.root()).toEqual(root);
    });

    it("proves a present key, and an absent one that ends at nothing or at another leaf", () => {
      const keys = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`key ${i}`, `value ${i}`]));
      const tree = treeOf(create(), keys);
      const terminals = new Set<string>();
      for (const name of [...Object.keys(keys), ...Array.from({ length: 40 }, (_, i) => `absent ${i}`)]) {
        const key = Buffer.from(name);
        const value = keys[name] === undefined ? undefined : Buffer.from(keys[name]);
        const proof = tree.prove(key);
        if (value === undefined) terminals.add(proof.terminal.kind);
        const proven = verifyStateProof(stateProofJson(key, value, proof), toHex(tree.root()));
        expect(proven).toEqual({ key: toHex(key), value: value === undefined ? null : toHex(value) });
      }
      expect([...terminals].sort()).toEqual(["empty", "leaf"]);
    });

    it("matches a key with its value and with no other, and a key that is absent with none", () => {
      const tree = treeOf(create(), { a: "1", b: "" });
      const matches = (key: string, value?: string) =>
        tree.matches(Buffer.from(key), value === undefined ? undefined : Buffer.from(value));
      expect([matches("a", "1"), matches("b", ""), matches("c")]).toEqual([true, true, true]);
      expect([
        matches("a", "2"),
        matches("a", ""),
        matches("a"),
        matches("b"),
        matches("c", ""),
        matches("c", "1"),
      ]).toEqual(Array(6).fill(false));
      expect(create().matches(Buffer.from("a"), undefined)).toBe(true);
      expect(create().matches(Buffer.from("a"), Buffer.from("1"))).toBe(false);
    });

    it("proves absence in the empty tree", () => {
      const key = Buffer.from("a");
      expect(create().prove(key)).toEqual({ terminal: { kind: "empty" }, siblings: [] });
    });

    describe("on disk", () => {
      const saved = (folder = temporaryDirectory()) => {
        const tree = treeOf(create(), { a: "1", b: "2", c: "3" });
        const path = join(folder, "tree");
        tree.save(path, meta);
        return { tree, path, folder };
      };

      it("comes back with its root, its count and what was noted beside it", () => {
        const { tree, path } = saved();
        const loaded = load(path);
        if ("failure" in loaded) throw new Error(loaded.reason);
        expect(loaded.tree.root()).toEqual(tree.root());
        expect(loaded.tree.leafCount()).toBe(3);
        expect(Buffer.from(loaded.meta)).toEqual(meta);
        expect(loaded.tree.apply(delta(change("a", undefined, "1")), "forward")).toEqual(
          naiveRoot(
            new Map([
              ["b", "2"],
              ["c", "3"],
            ]),
          ),
        );
      });

      it("comes back empty when it was empty", () => {
        const path = join(temporaryDirectory(), "empty");
        create().save(path, new Uint8Array());
        const loaded = load(path);
        if ("failure" in loaded) throw new Error(loaded.reason);
        expect(toHex(loaded.tree.root())).toBe(EMPTY_ROOT);
      });

      it("replaces the file and leaves no other behind", () => {
        const { folder } = saved();
        const { path } = saved(folder);
        expect(readdirSync(folder)).toEqual(["tree"]);
        expect("tree" in load(path)).toBe(true);
      });

      it("is the same bytes whatever the history of the state", () => {
        const { path } = saved();
        const other = treeOf(create(), { c: "9", d: "4" });
        other.apply(
          delta(change("d", undefined, "4"), change("c", "3", "9"), change("b", "2"), change("a", "1")),
          "forward",
        );
        other.save(`${path}2`, meta);
        expect(readFileSync(`${path}2`)).toEqual(readFileSync(path));
      });

      it("says that there is no file", () => {
        expect(load(join(temporaryDirectory(), "none"))).toEqual({
          failure: "missing",
          reason: "there is no such file",
        });
      });

      it("says that another version wrote it", () => {
        const { path } = saved();
        const bytes = readFileSync(path);
        bytes.writeUInt32LE(2, 8);
        writeFileSync(path, bytes);
        expect(load(path)).toEqual({ failure: "version", reason: "it has version 2, not 1" });
      });

      it("finds any single damaged byte, and any loss at the end", () => {
        const { path } = saved();
        const bytes = readFileSync(path);
        for (let at = 0; at < bytes.length; at++) {
          const damaged = Uint8Array.from(bytes);
          damaged[at]! ^= 0x40;
          writeFileSync(path, damaged);
          expect(load(path), `byte ${at}`).toMatchObject({ failure: at >= 8 && at < 12 ? "version" : "corrupt" });
          writeFileSync(path, bytes.subarray(0, at));
          expect(load(path), `cut at ${at}`).toMatchObject({ failure: "corrupt" });
        }
      });

      it("fails with the reason when the folder is not there", () => {
        expect(() => create().save(join(temporaryDirectory(), "none", "tree"), meta)).toThrow(StorageError);
      });

      it("fails with the reason when the path is a folder", () => {
        expect(() => load(temporaryDirectory())).toThrow(StorageError);
      });
    });
  });
}

describeWith(NATIVE, "saved state trees", () => {
  afterEach(disposeTrees);

  it("are the same bytes from every implementation", () => {
    const folder = temporaryDirectory();
    const files = treeImplementations.map(({ name, create }) => {
      const path = join(folder, name);
      treeOf(create(), { a: "1", b: "2", c: "3" }).save(path, meta);
      return readFileSync(path);
    });
    expect(files[0]).toEqual(files[1]);
  });
});

describeWith(NATIVE, "saved state trees read ahead", () => {
  afterEach(disposeTrees);

  it("are what the file holds when they are asked for, also when it was replaced meanwhile", () => {
    const path = join(temporaryDirectory(), "state.tree");
    treeOf(nativeReadAhead.create(), { a: "1" }).save(path, meta);
    NativeStateTree.readAhead(addon, path);
    const newer = treeOf(nativeReadAhead.create(), { a: "1", b: "2", c: "3" });
    newer.save(path, meta);
    const loaded = treeImplementations[0]!.load(path);
    expect("tree" in loaded && toHex(loaded.tree.root())).toBe(THREE_KEYS_ROOT);
  });

  it("are handed out once: every tree is somebody's own", () => {
    const path = join(temporaryDirectory(), "state.tree");
    treeOf(nativeReadAhead.create(), { a: "1", b: "2", c: "3" }).save(path, meta);
    NativeStateTree.readAhead(addon, path);
    const [first, second] = [0, 1].map(() => treeImplementations[0]!.load(path));
    if (first === undefined || !("tree" in first) || second === undefined || !("tree" in second))
      throw new Error("a saved tree did not load");
    first.tree.apply(delta(change("d", "4")), "forward");
    expect(toHex(second.tree.root())).toBe(THREE_KEYS_ROOT);
  });
});

describeWith(NATIVE, "named native trees", () => {
  it("are one tree for everyone who attaches to the name", () => {
    const first = NativeStateTree.attach(addon, "shared");
    const second = NativeStateTree.attach(addon, "shared");
    const root = first.apply(delta(change("a", "1")), "forward");
    expect(second.root()).toEqual(root);
    expect(NativeStateTree.release(addon, "shared")).toBe(true);
  });

  it("answer nothing once they are released, and begin empty when attached again", () => {
    const before = NativeStateTree.attach(addon, "released");
    before.apply(delta(change("a", "1")), "forward");
    NativeStateTree.release(addon, "released");
    expect(() => before.root()).toThrow("this state tree was released");
    expect(toHex(NativeStateTree.attach(addon, "released").root())).toBe(EMPTY_ROOT);
    expect(NativeStateTree.release(addon, "released")).toBe(true);
    expect(NativeStateTree.release(addon, "released")).toBe(false);
  });

  it("survive the worker that made them, killed while it runs and the only one that had loaded the addon", () => {
    const block = Buffer.from(delta(change("a", "1"), change("b", "2"))).toString("hex");
    const attach = `
      const addon = require("./native/build/Release/polytorus.node");
      const handle = addon.treeAttach("survivor");
      const root = new Uint8Array(32);`;
    const first = `${attach}
      addon.treeApply(handle, [Buffer.from("${block}", "hex")], false, root);
      require("node:worker_threads").parentPort.postMessage("applied");
      for (;;);`;
    const second = `${attach}
      addon.treeRoot(handle, root);
      require("node:worker_threads").parentPort.postMessage(Buffer.from(root).toString("hex"));`;
    const program = `
      const { Worker } = require("node:worker_threads");
      const first = new Worker(${JSON.stringify(first)}, { eval: true });
      first.once("message", async () => {
        await first.terminate();
        new Worker(${JSON.stringify(second)}, { eval: true }).once("message", console.log);
      });`;
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", program], { encoding: "utf8", timeout: 100_000 });
    const root = naiveRoot(new Map(Object.entries({ a: "1", b: "2" })));
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: toHex(root).slice(2), stderr: "" });
  });

  it("stay as they were when what was to replace them does not load", () => {
    const tree = NativeStateTree.attach(addon, "kept");
    const root = tree.apply(delta(change("a", "1")), "forward");
    expect(NativeStateTree.load(addon, "kept", "no such file")).toMatchObject({ failure: "missing" });
    expect(tree.root()).toEqual(root);
    NativeStateTree.release(addon, "kept");
  });
});
