#!/usr/bin/env node

// ../../tmp/nperf/tl.ts
import { spawn as spawn2, execFileSync as execFileSync2 } from "node:child_process";

// test/support/tunnel/pair.ts
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";
var OUTER = { a: "192.0.2.1", b: "192.0.2.2" };
var OUTER6 = { a: "2001:db8::1", b: "2001:db8::2" };
var INNER = { a: "10.99.0.1", b: "10.99.0.2" };
var INNER6 = { a: "fd99::1", b: "fd99::2" };
var TUNNEL_DEVICE = "tun0";
var Wire = class {
  folder = mkdtempSync(join(tmpdir(), "culvert-wire-"));
  #id = `${process.pid.toString(36)}${Math.random().toString(36).slice(2, 5)}`;
  #root;
  /** `root`: the checkout, where the sources of the ends are. */
  constructor(root) {
    this.#root = root;
    for (const side of ["a", "b"]) execFileSync("ip", ["netns", "add", this.namespace(side)]);
    const [a2, b2] = [this.namespace("a"), this.namespace("b")];
    execFileSync("ip", ["-n", a2, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", b2]);
    for (const side of ["a", "b"]) {
      this.ip(side, "link set lo up");
      this.ip(side, `addr add ${OUTER[side]}/24 dev wire`);
      this.ip(side, `addr add ${OUTER6[side]}/64 dev wire nodad`);
      this.ip(side, "link set wire up");
    }
  }
  namespace(side) {
    return `cw${this.#id}-${side}`;
  }
  ip(side, command) {
    return execFileSync("ip", ["-n", this.namespace(side), ...command.split(" ")], { encoding: "utf8" });
  }
  run(side, program, ...args) {
    return execFileSync("ip", ["netns", "exec", this.namespace(side), program, ...args], { encoding: "utf8" });
  }
  start(side, program, args, env = {}) {
    return spawn("ip", ["netns", "exec", this.namespace(side), program, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...env }
    });
  }
  /** Addresses on the tunnel's device at one side, and the device up. */
  dress(side, mtu, device = TUNNEL_DEVICE) {
    const other = side === "a" ? "b" : "a";
    this.ip(side, `addr replace ${INNER[side]} peer ${INNER[other]} dev ${device}`);
    this.ip(side, `addr replace ${INNER6[side]}/64 dev ${device} nodad`);
    this.ip(side, `link set ${device} mtu ${mtu} txqueuelen 1000 up`);
  }
  /** What the ends run, made once. */
  programs() {
    const open = join(this.folder, "open-end");
    const end = join(this.folder, "end.mjs");
    const sources = join(this.#root, "test/support/tunnel");
    execFileSync("g++", ["-std=c++17", "-O1", "-o", open, join(sources, "open-end.cc")]);
    buildSync({
      entryPoints: [join(sources, "end.ts")],
      outfile: end,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20"
    });
    return { open, end };
  }
  remove() {
    for (const side of ["a", "b"]) execFileSync("ip", ["netns", "del", this.namespace(side)]);
    rmSync(this.folder, { recursive: true, force: true });
  }
};
var TunnelEnd = class _TunnelEnd {
  #child;
  #lines;
  #ended;
  constructor(child) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => child.once("close", resolve));
  }
  static async open(wire2, programs2, side, options) {
    const { engine, suite, vnet = true, outer = 4, addon: addon2, mtu = 1400 } = options;
    const addresses = outer === 4 ? OUTER : OUTER6;
    const child = wire2.start(
      side,
      programs2.open,
      [
        ...[
          TUNNEL_DEVICE,
          addresses[side],
          addresses[side === "a" ? "b" : "a"],
          "4500",
          vnet ? "vnet" : "plain"
        ],
        ...[process.execPath, programs2.end, side, suite, engine]
      ],
      { CULVERT_NATIVE: addon2 ?? join(process.cwd(), "dist/native/culvert.node") }
    );
    const end = new _TunnelEnd(child);
    await end.#read();
    wire2.dress(side, mtu);
    return end;
  }
  /** Of the process that carries the packets. */
  get pid() {
    return this.#child.pid;
  }
  async report() {
    this.#child.stdin.write("\n");
    return this.#read();
  }
  async close() {
    this.#child.stdin.end();
    await this.#ended;
  }
  async #read() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("an end of the tunnel ended early");
    return JSON.parse(value);
  }
};

// ../../tmp/nperf/tl.ts
var [addon, out] = process.argv.slice(2);
var wire = new Wire("/work/wt-native");
var programs = wire.programs();
var o = { engine: "native", suite: "aes128gcm", mtu: 1420, addon };
var a = await TunnelEnd.open(wire, programs, "a", o);
var b = await TunnelEnd.open(wire, programs, "b", o);
var p = spawn2("perf", ["record", "-q", "-e", "raw_syscalls:sys_enter,raw_syscalls:sys_exit,sched:sched_switch,sched:sched_wakeup", "-o", out, "-a"], { stdio: "inherit" });
await new Promise((r) => setTimeout(r, 1500));
execFileSync2("ip", ["netns", "exec", wire.namespace("a"), "ping", "-n", "-c", "100", "-i", "0.003", "-q", INNER.b], { stdio: "inherit" });
p.kill("SIGINT");
await new Promise((r) => p.once("close", r));
await a.close();
await b.close();
wire.remove();
process.exit(0);
//# sourceMappingURL=tl.mjs.map
