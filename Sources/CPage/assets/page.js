// The challenge page's course: solve, hand in, and go on to what was asked for, now with a pass in a cookie.
//
// Every path ends: fresh challenges, attempts and returns to this page are all counted, and each refusal is shown with its
// reason.

import { Gateway } from "./gateway.js";
import { load, neighbours, replay, returns } from "./onward.js";
import { SolverFailure, readChallenge } from "./pool.js";
import { Solver } from "./solver.js";
import { view } from "./view.js";
import { duration, plural, words } from "./words.js";

// Challenges that are fetched in place of one that was refused, before the page gives up.
const freshMax = 3;
// The longest time that setTimeout knows; a longer one would end at once.
const timerMax = 2 ** 31 - 1;

// `form` says what became of what the navigation sent: `none` was sent, the page can `replay` it, or it is `lost`.
const { base, files, policy, form } = document.body.dataset;
const gateway = new Gateway(base, policy);
let solver = null;
// The way on is taken once.
let isPassing = false;

/** A failure with its reason: in one word for tests, in words for the reader, and in what the server said. */
class Failure extends Error {
    constructor(reason, text, technical = "") {
        super(text);
        this.reason = reason;
        this.technical = technical;
    }
}

// Refusals after which only another challenge can be redeemed.
const renewals = ["expired", "other-client", "already-spent", "wrong-solution"];

// `asked`: the reader has pressed the button, so what came before does not count, and the challenge must be a new one.
async function run(asked) {
    if (!navigator.cookieEnabled) throw new Failure("cookies", words("script.cookies_off", { site: location.host }));
    if (!asked && returns.tooMany) throw new Failure("cookies", words("script.cookies_lost", { site: location.host }));
    // The present challenge, and when it came, by performance.now(); the page's own came with the page.
    let object = asked ? await renew() : JSON.parse(document.getElementById("challenge").textContent);
    let received = asked ? performance.now() : 0;
    let note = "";
    for (let fresh = 0; ; fresh++) {
        neighbours.listen(() => {
            if (solver !== null) solver.stop();
            proceed();
        });
        const answer = await attempt(object, received, note);
        if (isPassing) return;
        if (answer !== null && answer.ok) {
            // A neighbour's pass leads on as well, but it has counted that itself.
            returns.add();
            neighbours.announce();
            proceed();
            return;
        }
        const type = answer === null ? "expired" : answer.type;
        if (!renewals.includes(type)) throw refusal(answer);
        if (type === "wrong-solution") solver.distrust();
        const reason = words(`${type}.text`);
        if (fresh === freshMax) throw new Failure(type, plural(fresh + 1, "script.in_a_row", { reason }));
        note = words("script.fresh", { reason });
        const inside = answer === null ? null : answer.body.challenge;
        object = typeof inside === "object" && inside !== null ? inside : await renew();
        received = performance.now();
    }
}

async function renew() {
    const answer = await gateway.challenge(waiting);
    if (!answer.ok) throw refusal(answer);
    return answer.body;
}

function refusal(answer) {
    const kind = answer.type || (answer.status === 0 ? "unreachable" : "server");
    const wait = answer.retryAfter ? duration(answer.retryAfter) : "";
    const { reason } = answer;
    const text = wait === "" ? reason : words("script.later", { reason, duration: wait });
    return new Failure(kind, text, answer.technical);
}

// Solves one challenge and hands it in. Null: it expired meanwhile, or another tab has been given a pass.
async function attempt(object, received, note) {
    if (isPassing) return null;
    let challenge;
    try {
        challenge = readChallenge(object);
    } catch (error) {
        throw new Failure("challenge", words("script.challenge"), error.message);
    }
    if (solver === null) solver = new Solver(files);
    const slow = solver.way.engine === "script";
    view.status("solving", note || words(slow ? "script.solving_slow" : "script.solving"));
    const lifeLeft = received + challenge.expiresIn * 1000 - performance.now();
    const expiry = setTimeout(() => solver.stop(), Math.min(Math.max(lifeLeft, 0), timerMax));
    const ticker = setInterval(showProgress, 150);
    let solution;
    try {
        solution = await solver.solve(challenge);
    } catch (error) {
        if (error === null) return null;
        throw error;
    } finally {
        clearInterval(ticker);
        clearTimeout(expiry);
    }
    // From here on this page has a pass of its own to come, and to count.
    neighbours.listen(null);
    showProgress();
    view.status("redeeming", words("script.redeeming"));
    return gateway.redeem(challenge.token, solution, waiting);
}

function showProgress() {
    const progress = solver.progress();
    if (progress !== null) view.progress(progress, solver.way);
}

function waiting(reason, seconds) {
    if (isPassing) return;
    view.status("waiting", words("script.waiting", { reason, duration: duration(seconds) }));
}

function proceed() {
    isPassing = true;
    if (solver !== null) solver.close();
    if (form === "lost") {
        view.done(words("script.passed_lost"), words("script.onward_lost"), load);
        view.offerBack();
    } else if (form === "replay") {
        view.done(words("script.passed_form"), words("script.onward_form"), replay);
        replay();
    } else {
        view.done(words("script.passed"), words("script.onward"), () => load());
        load();
    }
}

async function main(asked) {
    view.status("starting", words("script.starting"));
    try {
        await run(asked);
    } catch (error) {
        if (solver !== null) solver.close();
        const again = () => main(true);
        if (error instanceof Failure) {
            view.failed(error.reason, error.message, error.technical, again);
        } else if (error instanceof SolverFailure) {
            // Every way has failed, of which this is the last: a file that is missing, or a browser that cannot.
            const isMissing = error.reason === "download";
            const reason = isMissing ? "download" : "browser";
            view.failed(reason, words(`script.${reason}`), error.message, again);
            if (!isMissing) view.offerByHand();
        } else {
            view.failed("error", words("script.error"), String(error), again);
        }
        solver = null;
    }
}

main(false);
