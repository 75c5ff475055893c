#!/usr/bin/env node

// ../../tmp/nperf/ab.ts
import { readFileSync } from "node:fs";
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
    const [a, b] = [this.namespace("a"), this.namespace("b")];
    execFileSync("ip", ["-n", a, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", b]);
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
  static async open(wire, programs, side, options) {
    const { engine, suite, vnet = true, outer = 4, addon, mtu = 1400 } = options;
    const addresses = outer === 4 ? OUTER : OUTER6;
    const child = wire.start(
      side,
      programs.open,
      [
        ...[
          TUNNEL_DEVICE,
          addresses[side],
          addresses[side === "a" ? "b" : "a"],
          "4500",
          vnet ? "vnet" : "plain"
        ],
        ...[process.execPath, programs.end, side, suite, engine]
      ],
      { CULVERT_NATIVE: addon ?? join(process.cwd(), "dist/native/culvert.node") }
    );
    const end = new _TunnelEnd(child);
    await end.#read();
    wire.dress(side, mtu);
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

// ../../tmp/nperf/ab.ts
var [rounds = "6", seconds = "1", suiteA = "aes128gcm", addonA = "", addonB = "", perfOut = ""] = process.argv.slice(2);
var ticks = (pid) => {
  const f = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
  return [Number(f[11]) / 100, Number(f[12]) / 100];
};
async function make(name, addon, suite) {
  const wire = new Wire("/work/wt-native");
  const programs = wire.programs();
  const o = { engine: "native", suite, mtu: 1420, ...addon ? { addon } : {} };
  const a = await TunnelEnd.open(wire, programs, "a", o), b = await TunnelEnd.open(wire, programs, "b", o);
  return { name, wire, a, b, rows: [] };
}
var A = await make("A", addonA, suiteA);
var B = await make("B", addonB, suiteA);
async function iperf(t, ...args) {
  const s = spawn2("ip", ["netns", "exec", t.wire.namespace("b"), "iperf3", "-s", "-1"], { stdio: "ignore" });
  for (; ; ) {
    if (execFileSync2("ip", ["netns", "exec", t.wire.namespace("b"), "ss", "-Hltn", "sport = :5201"], { encoding: "utf8" }).includes("5201")) break;
    await new Promise((r) => setTimeout(r, 30));
  }
  const b4 = [ticks(t.a.pid), ticks(t.b.pid)];
  const c = spawn2("ip", ["netns", "exec", t.wire.namespace("a"), "timeout", "20", "iperf3", "-J", "-c", INNER.b, "-t", seconds, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  c.stdout.on("data", (d) => out += d);
  await new Promise((r) => c.once("close", r));
  const af = [ticks(t.a.pid), ticks(t.b.pid)];
  await new Promise((r) => {
    if (s.exitCode !== null) r(0);
    else s.once("close", r);
  });
  const e = JSON.parse(out).end;
  const gb = e.sum_received.bytes / 1e9;
  return { gbit: e.sum_received.bits_per_second / 1e9, snd: (af[0][0] + af[0][1] - b4[0][0] - b4[0][1]) / gb, rcv: (af[1][0] + af[1][1] - b4[1][0] - b4[1][1]) / gb, sndU: (af[0][0] - b4[0][0]) / gb, rcvU: (af[1][0] - b4[1][0]) / gb, re: e.sum_sent.retransmits };
}
var med = (x) => x.sort((a, b) => a - b)[Math.floor(x.length / 2)];
var perf;
if (perfOut) {
  perf = spawn2("perf", ["record", "-q", "-e", "cpu-clock", "-F", "2000", "-g", "-o", perfOut, "-p", `${A.a.pid},${A.b.pid}`], { stdio: "ignore" });
}
for (let i = 0; i < Number(rounds); i++) for (const t of i % 2 ? [B, A] : [A, B]) {
  t.rows.push(await iperf(t));
}
if (perf) {
  perf.kill("SIGINT");
  await new Promise((r) => perf.once("close", r));
}
for (const t of [A, B]) console.log(t.name, Object.fromEntries(["gbit", "snd", "rcv", "sndU", "rcvU", "re"].map((k) => [k, med(t.rows.map((r) => r[k])).toFixed(3)])), "snd", t.rows.map((r) => r.snd.toFixed(2)).join(" "));
for (const t of [A, B]) {
  await t.a.close();
  await t.b.close();
  t.wire.remove();
}
process.exit(0);
//# sourceMappingURL=ab.mjs.map
