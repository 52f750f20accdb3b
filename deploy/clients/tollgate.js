// A fetch for browser applications whose API stands behind Tollgate: one file without dependencies, to be copied into the
// application and served by its own origin. It solves what it is asked for and shows the passes that it buys.
//
//     import { paidFetch } from "./tollgate.js";
//     const response = await paidFetch("https://api.example.com/v1/items");
//
// For an API of another origin, its policy must name yours under `cors`, and the API must allow your origin itself.
// Redirects are not followed where a pass is shown: it would go along to wherever they lead.
//
// The search runs in module workers made of this same file, one for each processor up to four, so that the page stays
// usable. A Content-Security-Policy must allow it as `script-src` and `worker-src` ('self' does).

/** Hashes that are accepted for a challenge by default: about two minutes of a laptop. */
const HASHES_MAX = 2 ** 30;
const CHALLENGES_MAX = 3;
const REDEEM = "/.well-known/tollgate/redeem";
const TOKEN = /^[A-Za-z][A-Za-z0-9_-]{0,511}$/;

/** Passes by origin: a list of { token, ends }, the newest first, never more than the gateway looks at. */
const passes = new Map();
/** What is being paid, by origin: calls that meet a challenge at the same time wait for one pass. */
const paying = new Map();

/**
 * As `fetch`, but a refusal that asks for work is answered with it. `options.maxHashes` bounds the work of each
 * challenge. The body must be one that can be sent twice: no stream.
 */
export async function paidFetch(url, options = {}) {
  const { maxHashes = HASHES_MAX, ...init } = options;
  const target = new URL(url, location.href);
  for (let challenges = 0; ; challenges += 1) {
    const shown = held(target.origin);
    const headers = new Headers(init.headers);
    if (shown.length > 0) headers.set("PoW-Pass", shown.join(", "));
    const redirect = shown.length > 0 ? "error" : init.redirect;
    const response = await fetch(target, { ...init, headers, redirect });
    const challenge = readChallenge(response);
    if (challenge === null || challenges === CHALLENGES_MAX) return response;
    if (!paying.has(target.origin)) {
      const bought = buy(target.origin, challenge, maxHashes).finally(() => paying.delete(target.origin));
      paying.set(target.origin, bought);
    }
    await paying.get(target.origin);
  }
}

function held(origin) {
  const live = (passes.get(origin) ?? []).filter((pass) => pass.ends > performance.now());
  passes.set(origin, live);
  return live.map((pass) => pass.token);
}

/** What a refusal asks for, from its header; null where it asks for nothing. */
function readChallenge(response) {
  const text = response.headers.get("PoW-Challenge");
  if (text === null || response.status < 400 || response.status > 499) return null;
  const [token, ...parts] = text.split(";").map((part) => part.trim());
  const parameters = Object.fromEntries(parts.map((part) => part.split("=")));
  const rounds = Number(parameters.rounds);
  const target = /^"([0-9a-f]{16})"$/.exec(parameters.target ?? "")?.[1];
  if (!TOKEN.test(token) || parameters.alg !== '"SHA-256"' || !(rounds >= 1 && rounds <= 64) || target === undefined) {
    throw new Error("the server's challenge cannot be read");
  }
  return { token, rounds, target, expiresIn: Number(parameters["expires-in"]) || 300 };
}

/** Solves and redeems a challenge. The key makes a second try give the same pass as a first whose answer was lost. */
async function buy(origin, challenge, maxHashes) {
  const expected = (challenge.rounds * 2 ** 64) / (Number(BigInt("0x" + challenge.target)) + 1);
  if (expected > maxHashes) throw new Error(`the challenge would take about ${Math.round(expected)} hashes`);
  const solution = await search(challenge);
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
    body: JSON.stringify({ challenge: challenge.token, solution }),
    credentials: "omit",
    redirect: "error",
  };
  const response = await fetch(origin + REDEEM, request).catch(() => fetch(origin + REDEEM, request));
  // Expired, or spent by somebody else: the request is sent again, for another challenge.
  if (response.status === 409 || response.status === 410) return;
  if (!response.ok) throw new Error(`the solution was refused: ${response.status}`);
  const { pass, expires_in: seconds } = await response.json();
  if (!TOKEN.test(pass)) throw new Error("the server's answer holds no pass");
  const rest = (passes.get(origin) ?? []).slice(0, 3);
  passes.set(origin, [{ token: pass, ends: performance.now() + 1000 * seconds }, ...rest]);
}

/** Shares the rounds out among workers; resolves to the solution. */
function search({ token, rounds, target, expiresIn }) {
  const count = Math.min(rounds, 4, navigator.hardwareConcurrency || 1);
  const numbers = new Array(rounds);
  const workers = [];
  let left = rounds;
  let next = 0;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the challenge expired before it was solved")), 1000 * expiresIn);
    const give = (worker) => next < rounds && worker.postMessage({ token, target, round: next++ });
    for (let index = 0; index < count; index += 1) {
      const worker = new Worker(import.meta.url, { type: "module" });
      workers.push(worker);
      worker.onerror = () => reject(new Error("a worker cannot be started: see the Content-Security-Policy"));
      worker.onmessage = ({ data }) => {
        numbers[data.round] = data.number;
        left -= 1;
        if (left === 0) resolve(encode(numbers));
        else give(worker);
      };
      give(worker);
    }
    workers.timer = timer;
  }).finally(() => {
    clearTimeout(workers.timer);
    for (const worker of workers) worker.terminate();
  });
}

/** Each number in eight bytes, base64url without padding. */
function encode(numbers) {
  const bytes = new DataView(new ArrayBuffer(8 * numbers.length));
  numbers.forEach((number, index) => bytes.setBigUint64(8 * index, BigInt(number)));
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes.buffer)));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

// The worker

const K = new Int32Array(64);
const INITIAL = new Int32Array(8);
{
  // FIPS 180-4: the fractional parts of the square and cube roots of the first primes, 32 bits of each.
  let found = 0;
  const root = (n, k) => {
    let low = 0n;
    const wanted = BigInt(n) << BigInt(32 * k);
    for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) if ((low + bit) ** BigInt(k) <= wanted) low += bit;
    return Number(BigInt.asIntN(32, low));
  };
  for (let n = 2; found < 64; n += 1) {
    let isPrime = true;
    for (let d = 2; d * d <= n; d += 1) if (n % d === 0) isPrime = false;
    if (!isPrime) continue;
    if (found < 8) INITIAL[found] = root(n, 2);
    K[found++] = root(n, 3);
  }
}

/** One block of SHA-256: `w` holds the message in its first 16 words. */
function compress(state, w) {
  for (let t = 16; t < 64; t += 1) {
    const x = w[t - 15];
    const y = w[t - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
  }
  // Without destructuring, which takes longer than the rounds.
  let a = INITIAL[0];
  let b = INITIAL[1];
  let c = INITIAL[2];
  let d = INITIAL[3];
  let e = INITIAL[4];
  let f = INITIAL[5];
  let g = INITIAL[6];
  let h = INITIAL[7];
  for (let t = 0; t < 64; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[t] + w[t]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = (INITIAL[0] + a) | 0;
  state[1] = (INITIAL[1] + b) | 0;
}

/** The smallest number whose digest begins with no more than the target: a message of 44 bytes, one block. */
function firstHit(seed, round, targetHigh, targetLow) {
  const w = new Int32Array(64);
  const state = new Int32Array(2);
  w.set(seed);
  w[8] = round;
  w[11] = 0x80000000 | 0;
  w[15] = 44 * 8;
  for (let number = 0; ; number += 1) {
    w[9] = Math.floor(number / 2 ** 32);
    w[10] = number;
    compress(state, w);
    const high = state[0] >>> 0;
    if (high < targetHigh || (high === targetHigh && state[1] >>> 0 <= targetLow)) return number;
  }
}

if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) {
  onmessage = async ({ data: { token, target, round } }) => {
    const digest = new DataView(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token)));
    const seed = Int32Array.from({ length: 8 }, (_, index) => digest.getInt32(4 * index));
    const number = firstHit(seed, round, parseInt(target.slice(0, 8), 16), parseInt(target.slice(8), 16));
    postMessage({ round, number });
  };
}
