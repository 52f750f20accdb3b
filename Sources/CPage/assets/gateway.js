// What the page asks of the gateway, and what it makes of the answers.

import { has, words } from "./words.js";

// One request may take this long, in milliseconds.
const requestTimeout = 20000;
// A request that fails for a passing reason is sent this often in all …
const attemptsMax = 4;
// … and if the gateway asks for a longer wait than this, in seconds, the reader decides instead.
const waitMax = 120;

/**
 * An answer of the gateway's.
 * `status` is HTTP's, or 0 where no answer came; `type` the last part of a problem's type (`already-spent`), or "";
 * `body` the parsed JSON, or {}; `retryAfter` in seconds, or null.
 */
class Answer {
    constructor(status, body, retryAfter) {
        this.status = status;
        this.body = body;
        this.retryAfter = retryAfter;
        this.type = typeof body.type === "string" ? body.type.replace(/^urn:tollgate:/, "") : "";
    }

    get ok() {
        return this.status === 200;
    }

    // A later try may do: no answer, an overload, a cluster without a quorum.
    get passing() {
        return this.status === 0 || this.status === 429 || this.status >= 500;
    }

    /** One sentence for the reader. */
    get reason() {
        if (this.status === 0) return words("script.unreachable");
        const key = `${this.type}.text`;
        return has(key) ? words(key) : words("script.status", { status: this.status });
    }

    /** What the server itself said, in English, as text of bounded length; "" where it said nothing. */
    get technical() {
        const { title, detail } = this.body;
        const text = [title, detail].filter((each) => typeof each === "string" && each !== "").join(": ");
        return text.slice(0, 500);
    }
}

/** Names that begin with a line are its own. */
export class Gateway {
    /** `base` is the folder of the endpoints, a path of this origin that ends with a slash. */
    constructor(base, policy) {
        this._base = base;
        this._policy = policy;
    }

    /** A fresh challenge: on success the answer's body is the challenge object. */
    challenge(waiting) {
        return this._persist(`challenge?policy=${encodeURIComponent(this._policy)}`, {}, waiting);
    }

    /** Hands a solution in. All attempts carry one key, so that an answer that was lost costs nothing. */
    redeem(challenge, solution, waiting) {
        const headers = { "Content-Type": "application/json", "Idempotency-Key": randomKey() };
        const body = JSON.stringify({ challenge, solution });
        return this._persist("redeem", { method: "POST", headers, body }, waiting);
    }

    // Tries again with growing pauses while the reason may pass; `waiting(reason, seconds)` is told of each pause.
    async _persist(path, options, waiting) {
        for (let attempt = 1; ; attempt++) {
            const answer = await this._ask(path, options);
            if (answer.ok || !answer.passing || attempt === attemptsMax) return answer;
            // A little chance, so that browsers that were refused together do not come back together.
            const seconds = Math.max(answer.retryAfter || 0, 2 ** (attempt - 1)) + Math.random();
            if (seconds > waitMax) return answer;
            waiting(answer.reason, seconds);
            await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
        }
    }

    async _ask(path, options) {
        const abort = new AbortController();
        const timer = setTimeout(() => abort.abort(), requestTimeout);
        try {
            const fixed = { credentials: "same-origin", cache: "no-store", redirect: "error", signal: abort.signal };
            const headers = Object.assign({ Accept: "application/json, application/problem+json" }, options.headers);
            const response = await fetch(this._base + path, Object.assign({}, options, fixed, { headers }));
            // In seconds; the other form, a date, would need the two clocks to agree.
            const after = /^\d{1,9}$/.exec(response.headers.get("Retry-After") || "");
            let body = null;
            try {
                body = JSON.parse(await response.text());
            } catch (error) {
                // A page of a proxy in between, or a body cut short: the second is as if no answer had come.
                if (response.ok) return new Answer(0, {}, null);
            }
            return new Answer(response.status, body || {}, after && Number(after[0]));
        } catch (error) {
            return new Answer(0, {}, null);
        } finally {
            clearTimeout(timer);
        }
    }
}

// 128 random bits. (crypto.randomUUID is missing on plain http.)
function randomKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
