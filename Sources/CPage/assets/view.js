// What the reader sees. Every text goes in as text, never as markup.
//
// For tests and measurements the body carries attributes: data-state (starting, solving, redeeming, waiting, done,
// failed), data-reason (why it failed, one word), data-rate (hashes a second), data-hashes, data-rounds-done.

const element = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");

export const view = {
    /** Says what is going on. The line is read out by screen readers, so it changes seldom; the figures below are not. */
    status(state, text) {
        document.body.dataset.state = state;
        element("work").hidden = false;
        element("outcome").hidden = true;
        if (element("status").textContent !== text) element("status").textContent = text;
    },

    /** Shows how far the work is; `progress` is Pool's. */
    progress({ rounds, done, hashes, rate, secondsLeft }) {
        const bar = element("bar");
        bar.setAttribute("aria-valuemax", rounds);
        bar.setAttribute("aria-valuenow", done);
        bar.setAttribute("aria-valuetext", `${done} of ${rounds} rounds`);
        element("fill").style.transform = `translateX(${(done / rounds) * 100 - 100}%)`;
        const left = done < rounds && Number.isFinite(secondsLeft) ? ` · ${duration(secondsLeft)}` : "";
        const speed = rate > 0 ? ` · ${quantity(rate)} a second` : "";
        element("figures").textContent = `${done} of ${rounds} rounds${left}\n${quantity(hashes)} hashes${speed}`;
        Object.assign(document.body.dataset, { rate: Math.round(rate), hashes, roundsDone: done });
    },

    /** The end of it, well, with a link for the case that the browser stays here; a press of it calls `go`. */
    done(text, linkText, go) {
        document.body.dataset.state = "done";
        element("status").textContent = text;
        element("outcome").hidden = false;
        element("reason").textContent = "";
        element("again").hidden = true;
        const onward = element("onward");
        onward.hidden = false;
        onward.textContent = linkText;
        onward.onclick = (event) => {
            event.preventDefault();
            go();
        };
    },

    /** The end of it for now, with its reason and a button that calls `again`. */
    failed(reason, text, again) {
        Object.assign(document.body.dataset, { state: "failed", reason });
        element("work").hidden = true;
        element("outcome").hidden = false;
        element("onward").hidden = true;
        element("reason").textContent = text;
        element("again").hidden = false;
        element("again").onclick = again;
    },
};

// Two or three digits are enough to see it move.
function quantity(value) {
    if (value >= 1e9) return `${(value / 1e9).toFixed(1)} billion`;
    if (value >= 1e6) return `${(value / 1e6).toFixed(1)} million`;
    return number.format(Math.round(value / 100) * 100);
}

function duration(seconds) {
    if (seconds < 1) return "less than a second left";
    if (seconds < 90) return `about ${plural(Math.round(seconds), "second")} left`;
    if (seconds < 90 * 60) return `about ${plural(Math.round(seconds / 60), "minute")} left`;
    if (seconds < 90 * 3600) return `about ${plural(Math.round(seconds / 3600), "hour")} left`;
    return "several days left";
}

/** `1 second`, `2 seconds`. */
export function plural(count, word) {
    return `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;
}
