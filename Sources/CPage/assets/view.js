// What the reader sees. Every text goes in as text, never as markup.
//
// For tests and measurements the body carries attributes: data-state (starting, solving, redeeming, waiting, done,
// failed), data-reason (why it failed, one word), data-engine and data-place (by what it is solved), data-rate (hashes a
// second), data-hashes, data-rounds-done.

import { duration, figure, words } from "./words.js";

const element = (id) => document.getElementById(id);
// The page's own title says that it takes a moment; the operator's is left alone.
const ownTitle = document.querySelector("h1.own");
const title = document.title;

export const view = {
    /** Says what is going on. The line is read out by screen readers, so it changes seldom; the figures below are not. */
    status(state, text) {
        document.body.dataset.state = state;
        entitle(title);
        element("work").hidden = false;
        element("outcome").hidden = true;
        if (element("status").textContent !== text) element("status").textContent = text;
    },

    /** Shows how far the work is, and by what it is done; `progress` is Pool's, `way` Solver's. */
    progress({ rounds, done, hashes, rate, secondsLeft }, { engine, place }) {
        const bar = element("bar");
        const standing = words("script.rounds", { done: figure(done), total: figure(rounds) });
        bar.setAttribute("aria-valuemax", rounds);
        bar.setAttribute("aria-valuenow", done);
        bar.setAttribute("aria-valuetext", standing);
        element("fill").style.transform = `scaleX(${done / rounds})`;
        const left = done < rounds && Number.isFinite(secondsLeft) ? ` · ${timeLeft(secondsLeft)}` : "";
        element("figures").textContent = standing + left;
        Object.assign(document.body.dataset, { engine, place, rate: Math.round(rate), hashes, roundsDone: done });
    },

    /** The end of it, well, with a link for the case that the browser stays here; a press of it calls `go`. */
    done(text, linkText, go) {
        this.status("done", text);
        element("outcome").hidden = false;
        element("reason").textContent = "";
        element("technical").textContent = "";
        element("again").hidden = true;
        const onward = element("onward");
        onward.hidden = false;
        onward.textContent = linkText;
        onward.onclick = (event) => {
            event.preventDefault();
            go();
        };
    },

    /** Beside the link of `done`, a button that leads back. */
    offerBack() {
        element("back").hidden = false;
        element("back").onclick = () => history.back();
    },

    /** The end of it for now, with its reason, what a technician would want to know, and a button that calls `again`. */
    failed(reason, text, technical, again) {
        Object.assign(document.body.dataset, { state: "failed", reason });
        entitle(words("script.failed"));
        element("work").hidden = true;
        element("outcome").hidden = false;
        element("onward").hidden = true;
        element("reason").textContent = text;
        element("technical").textContent = technical;
        element("again").hidden = false;
        element("again").onclick = again;
    },

    /** Shows how to pass by hand. */
    offerByHand() {
        document.body.classList.add("by-hand");
    },
};

function entitle(text) {
    if (ownTitle !== null && document.title !== text) ownTitle.textContent = document.title = text;
}

function timeLeft(seconds) {
    return seconds < 1 ? words("script.left_moment") : words("script.left", { duration: duration(seconds) });
}
