// The challenge page's course: solve, hand in, and load this very URL again, now with a pass in a cookie.
//
// Every path ends: fresh challenges, attempts and reloads are all counted, and each refusal is shown with its reason.

import { Pool, SolverFailure, loadSolver, readChallenge } from "./pool.js";
import { Gateway } from "./gateway.js";
import { plural, view } from "./view.js";

// Challenges that are fetched in place of one that was refused, before the page gives up.
const freshMax = 3;
// Passes in a row that led back to this page, within so many milliseconds of each other, before it gives up.
const returnsMax = 3;
const returnWindow = 60_000;
// A navigation that becomes a download leaves this page in place; after this long its address is put right again.
const stillHere = 5_000;
// The longest time that setTimeout knows; a longer one would end at once.
const timerMax = 2 ** 31 - 1;

const { base, policy, method } = document.body.dataset;
// The gateway names the method of the navigation; what a form sent cannot be sent again from here.
const wasForm = /^[A-Z]+$/.test(method) && method !== "GET" && method !== "HEAD";
const here = location.href;
const gateway = new Gateway(base, policy);
let pool = null;

/** A failure with its reason, in one word for tests and in words for the reader. */
class Failure extends Error {
    constructor(reason, text) {
        super(text);
        this.reason = reason;
    }
}

const solverFailures = {
    wasm: "WebAssembly is switched off in this browser. This page needs it for its computation.",
    simd:
        "This browser is too old for this page’s computation, which needs WebAssembly with SIMD: " +
        "Chrome 91, Firefox 89, Safari 16.4 or later.",
    download: "A part of this page could not be loaded. The server may be gone, or a filter in between blocked it.",
    worker: "The computation could not start in the background: the browser or a filter in between blocked it.",
};

const cookieText =
    "You passed, and yet this page came back: your browser does not show the pass that it was given. " +
    `Please allow cookies for ${location.host}. (A network address that keeps changing has the same effect.)`;

// `asked`: the reader has pressed the button, so what came before does not count, and the challenge must be a new one.
async function run(asked) {
    if (!navigator.cookieEnabled) {
        throw new Failure("cookies", `Your browser refuses cookies. The pass for ${location.host} is one.`);
    }
    if (!asked && returns.count() >= returnsMax) throw new Failure("cookies", cookieText);

    // The present challenge, and when it came, by performance.now(); the page's own came with the page.
    let object = asked ? await renew() : JSON.parse(document.getElementById("challenge").textContent);
    let received = asked ? performance.now() : 0;
    let note = "";
    for (let fresh = 0; ; fresh++) {
        const answer = await attempt(object, received, note);
        if (answer?.ok) {
            proceed();
            return;
        }
        // Only a challenge that nothing can redeem any more is replaced.
        const type = answer === null ? "expired" : answer.type;
        if (!(type in renewals)) throw refusal(answer);
        note = `${renewals[type]} Here is a fresh one.`;
        if (fresh === freshMax) {
            throw new Failure(type, `${renewals[type]} So it went ${plural(fresh + 1, "time")} in a row.`);
        }
        const inside = answer?.body.challenge;
        object = typeof inside === "object" && inside !== null ? inside : await renew();
        received = performance.now();
    }
}

const renewals = {
    "expired": "The challenge expired before its solution was handed in.",
    "other-client": "The challenge was issued to another network address than the one you have now.",
    "already-spent": "This challenge was handed in before.",
    "wrong-solution": "The server did not accept the solution.",
};

async function renew() {
    const answer = await gateway.challenge(waiting);
    if (!answer.ok) throw refusal(answer);
    return answer.body;
}

function refusal(answer) {
    const kind = answer.type || (answer.status === 0 ? "unreachable" : "server");
    return new Failure(kind, `${answer.reason}${later(answer)}`);
}

// Solves one challenge and hands it in. Null: it expired meanwhile.
async function attempt(object, received, note) {
    let challenge;
    try {
        challenge = readChallenge(object);
    } catch (error) {
        throw new Failure("challenge", `The server’s challenge cannot be read: ${error.message}.`);
    }
    if (pool === null) {
        const module = await loadSolver(`${base}page/solver.wasm`);
        pool = new Pool(`${base}page/worker.js`, module);
    }
    view.status("solving", note || "Your browser is computing. There is nothing you need to do.");
    const lifeLeft = received + challenge.expiresIn * 1000 - performance.now();
    const expiry = setTimeout(() => pool.stop(), Math.min(Math.max(lifeLeft, 0), timerMax));
    const ticker = setInterval(showProgress, 150);
    let solution;
    try {
        showProgress();
        solution = await pool.solve(challenge);
    } catch (error) {
        if (error === null) return null;
        throw error;
    } finally {
        clearInterval(ticker);
        clearTimeout(expiry);
    }
    showProgress();
    view.status("redeeming", "Solved. Handing the solution in …");
    return gateway.redeem(challenge.token, solution, waiting);
}

function showProgress() {
    const progress = pool.progress();
    if (progress) view.progress(progress);
}

function waiting(reason, seconds) {
    view.status("waiting", `${reason} The next try is in ${plural(Math.round(seconds), "second")}.`);
}

function later({ retryAfter }) {
    if (retryAfter === null || retryAfter === 0) return "";
    const text = retryAfter < 120 ? plural(retryAfter, "second") : plural(Math.ceil(retryAfter / 60), "minute");
    return ` Please come back in ${text}.`;
}

function proceed() {
    pool.close();
    if (wasForm) {
        const lost = "What you sent was not delivered: please go back and send it once more.";
        view.done(`You may pass. ${lost}`, "Or open this address without it", load);
        return;
    }
    returns.add();
    view.done("You may pass. The page is loading …", "If nothing happens, go on here", load);
    load();
}

// Asks for this very URL, by GET and with a fresh page. `reload` would send a form again; and with a fragment, replacing
// an address by itself only scrolls, while from any other path it loads.
function load() {
    if (here.includes("#")) {
        history.replaceState(null, "", base);
        setTimeout(() => history.replaceState(null, "", here), stillHere);
    }
    location.replace(here);
}

// How often in a row a pass led back to this page, kept for this tab. Where nothing can be kept, nothing would stop a
// loop, and cookies are not kept either: that counts as too often.
const returns = {
    key: "tollgate-returns",

    count() {
        try {
            const { url, count, at } = JSON.parse(sessionStorage.getItem(this.key)) ?? {};
            const age = Date.now() - at;
            return url === here && Number.isInteger(count) && age >= 0 && age < returnWindow ? count : 0;
        } catch (error) {
            return error instanceof SyntaxError ? 0 : Infinity;
        }
    },

    add() {
        try {
            sessionStorage.setItem(this.key, JSON.stringify({ url: here, count: this.count() + 1, at: Date.now() }));
        } catch (error) {
            // Nothing can be kept; the next load of the page sees that in `count`.
        }
    },
};

async function main(asked) {
    view.status("starting", "One moment …");
    try {
        await run(asked);
    } catch (error) {
        pool?.close();
        pool = null;
        const text = error instanceof SolverFailure ? solverFailures[error.reason] : error.message;
        view.failed(error.reason ?? "error", text, () => main(true));
    }
}

main(false);
