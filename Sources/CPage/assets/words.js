// The page's words, in the language that the server chose, and how figures are put into them.

const table = JSON.parse(document.getElementById("words").textContent);
// With Latin digits everywhere, as the server writes them.
const locale = `${document.documentElement.lang}-u-nu-latn`;
const plurals = new Intl.PluralRules(locale);
const numbers = new Intl.NumberFormat(locale);

/** Whether there is a text of this name. */
export function has(key) {
    return Object.prototype.hasOwnProperty.call(table, key);
}

/** The text of this name, with each `{name}` replaced by that value. */
export function words(key, values = {}) {
    return fill(table[key], values);
}

/** The variant of a text that the language has for a count, which stands in it as `{n}`. */
export function plural(count, key, values = {}) {
    // As in `one={n} second|other={n} seconds`.
    const variants = table[key].split("|");
    const category = `${plurals.select(count)}=`;
    const variant = variants.find((each) => each.startsWith(category)) || variants[variants.length - 1];
    return fill(variant.slice(variant.indexOf("=") + 1), Object.assign({ n: numbers.format(count) }, values));
}

/** A duration in one unit, rounded up; the server rounds its own in the same way. */
export function duration(seconds) {
    const whole = Math.max(1, Math.ceil(seconds));
    if (whole < 120) return plural(whole, "seconds");
    if (whole < 2 * 3600) return plural(Math.ceil(whole / 60), "minutes");
    if (whole < 48 * 3600) return plural(Math.ceil(whole / 3600), "hours");
    return plural(Math.ceil(whole / 86400), "days");
}

/** A number, with the language's separators. */
export function figure(value) {
    return numbers.format(value);
}

function fill(text, values) {
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
