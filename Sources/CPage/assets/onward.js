// The way out of the page, once there is a pass: the address that was asked for, or the form that was sent to it.

// Passes in a row that led back to this page, within so many milliseconds of each other, before it gives up.
const returnsMax = 3;
const returnWindow = 60000;
// A navigation that becomes a download leaves this page in place; after this long its address is put right again.
const stillHere = 5000;

const { base, policy, form } = document.body.dataset;
const here = location.href;

/** Asks for this very URL, by GET and with a fresh page, which takes this one's place in the history. */
export function load(url = here) {
    // `reload` would send a form again; and with a fragment, replacing an address by itself only scrolls, while from any
    // other path it loads.
    if (url.includes("#")) {
        history.replaceState(null, "", base);
        setTimeout(() => history.replaceState(null, "", url), stillHere);
    }
    location.replace(url);
}

/** Sends the form that met the challenge to this very URL. */
export function replay() {
    const element = document.getElementById("replay");
    // Names of fields stand in the way of all that a form element has, so its prototypes are asked. And the entry that
    // this page has in the history becomes the page with the form: by Back one gets there, and neither here nor to a
    // question whether to send the form once more.
    Element.prototype.setAttribute.call(element, "action", here);
    const isOwn = document.referrer.startsWith(`${location.origin}/`);
    history.replaceState(null, "", isOwn ? document.referrer : here);
    HTMLFormElement.prototype.submit.call(element);
}

/** How often in a row a pass led back to this page, kept for this tab. */
export const returns = {
    key: "tollgate-returns",

    /** Whether it is time to give up. Where nothing can be kept, nothing would stop a loop, and cookies are not kept
     *  either: that counts as too often. */
    get tooMany() {
        return this.count() >= returnsMax;
    },

    count() {
        try {
            const { url, count, at } = JSON.parse(sessionStorage.getItem(this.key)) || {};
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

/** Tells the other tabs that wait at this policy's gate, and hears of them: one pass serves them all. */
export const neighbours = {
    channel: typeof BroadcastChannel === "function" ? new BroadcastChannel(`tollgate ${policy}`) : null,

    announce() {
        if (this.channel !== null) this.channel.postMessage("passed");
    },

    /** Calls `passed`, once, when another tab has been given a pass; null: hears no more. */
    listen(passed) {
        if (this.channel === null) return;
        this.channel.onmessage = passed && (() => {
            this.channel.onmessage = null;
            passed();
        });
    },
};

// A page that the browser has kept and shows again, as after Back, has nothing left to do here: what is at its address now
// takes its place.
window.addEventListener("pageshow", (event) => {
    if (event.persisted && document.body.dataset.state === "done" && form !== "lost") load(location.href);
});
